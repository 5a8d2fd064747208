"""``opweave job execute``: run a job in this very process, without any server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from opweave._cli import code, launching, moments, run_config, style, user_error
from opweave._cli.failures import EXIT_CODES_HELP, EXIT_RUN_FAILED, CommandFailed

if TYPE_CHECKING:
    from opweave import ExecuteInProcessResult, JobDefinition
    from opweave.execution.result import OpweaveEvent


@click.command("execute", epilog=EXIT_CODES_HELP)
@code.code_options
@click.option(
    "-j", "--job", "job_name", metavar="NAME", help="Which job; not needed when there is only one."
)
@run_config.config_option
@run_config.config_json_option
@click.option(
    "--tags",
    "tag_texts",
    multiple=True,
    metavar="KEY=VALUE",
    help="Tag of the run; may be repeated.",
)
@click.option(
    "--op-selection", multiple=True, metavar="OPS", help="Only these ops, with commas or repeated."
)
def execute(
    file: Path | None,
    module: str | None,
    attribute: str | None,
    directory: Path | None,
    job_name: str | None,
    config_files: Sequence[Path],
    config_texts: Sequence[str],
    tag_texts: Sequence[str],
    op_selection: Sequence[str],
) -> None:
    """Execute a job in this process: no server, no record of the run.

    Without -f or -m it takes the module that [tool.opweave] of pyproject.toml names.
    """
    config = run_config.read(config_files, config_texts)
    tags = launching.parse_tags(tag_texts)
    selection = [part.strip() for text in op_selection for part in text.split(",") if part.strip()]
    named = code.Code(file=file, module=module, attribute=attribute, directory=directory)
    job = code.job_of(named.load(), job_name)
    began = time.monotonic()
    result = _run(job, config, tags, selection)
    for line in _failures(result):
        click.echo(line)
    is_success = result.success
    took = moments.duration(time.monotonic() - began)
    click.echo(f"{style.status('SUCCESS' if is_success else 'FAILURE')} in {took}")
    if not is_success:
        click.get_current_context().exit(EXIT_RUN_FAILED)


def _run(
    job: JobDefinition,
    config: run_config.RunConfigInput,
    tags: Mapping[str, str],
    selection: Sequence[str],
) -> ExecuteInProcessResult:
    from opweave.errors import OpweaveError, OpweaveInvalidConfigError
    from opweave.execution import in_process
    from opweave.wire import codec

    progress = _Progress()
    try:
        return in_process.execute(
            job,
            config.content,
            raise_on_error=False,
            op_selection=selection,
            tags=tags,
            on_event=progress.tell,
        )
    except OpweaveInvalidConfigError as error:
        hint = f"nothing was run. Job {job.name!r} needs a config that fits."
        raise run_config.refuse(config, codec.encode(error.problems), hint) from error
    except OpweaveError as error:
        raise CommandFailed(f"{error}; nothing was run") from error


class _Progress:
    """Prints a line for each step as it ends; what steps log goes to standard error by itself."""

    _STATUSES: ClassVar = {
        "STEP_SUCCESS": "SUCCESS",
        "STEP_FAILURE": "FAILURE",
        "STEP_SKIPPED": "SKIPPED",
    }

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def tell(self, event: OpweaveEvent) -> None:
        """Print what *event* means for its step, if it ends one."""
        key = event.step_key or ""
        self._began.setdefault(key, time.monotonic())
        status = self._STATUSES.get(event.event_type)
        if status is None:
            return
        mark = style.status(style.MARKS[status], status)
        why = event.message.removeprefix(f"skipped {key}: ")
        took = moments.duration(time.monotonic() - self._began[key])
        note = style.safe_line(why) if status == "SKIPPED" else took
        click.echo(f"  {style.safe_line(key)}  {mark}  {style.status(status)}  {note}".rstrip())


def _failures(result: ExecuteInProcessResult) -> Iterator[str]:
    """Yield the user's traceback of each step that failed."""
    for key, failure in result.failures.items():
        yield style.status(f"{style.safe_line(key)} failed: {failure.reason}", "FAILURE")
        error = failure.error
        text = (
            user_error.text(error.class_name, error.message, error.stack)
            if error
            else failure.message
        )
        yield from (f"  {line}" for line in style.safe(text).splitlines())
