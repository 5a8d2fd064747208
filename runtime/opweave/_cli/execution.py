"""``opweave job execute``: run a job in this very process, without any server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opweave._cli import moments, run_config, style, user_error
from opweave._cli.failures import EXIT_CODES_HELP, EXIT_RUN_FAILED, CommandFailed, NotFound

if TYPE_CHECKING:
    from opweave import Definitions, ExecuteInProcessResult, JobDefinition


@click.command("execute", epilog=EXIT_CODES_HELP)
@click.option(
    "-f", "--file", type=click.Path(path_type=Path), help="Python file with the definitions."
)
@click.option("-m", "--module", metavar="NAME", help="Python module with the definitions.")
@click.option("-a", "--attribute", metavar="NAME", help="Name of the definitions in it.")
@click.option(
    "-d",
    "--working-directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="First on the import path.",
)
@click.option(
    "-j", "--job", "job_name", metavar="NAME", help="Which job; not needed when there is only one."
)
@run_config.config_option
@run_config.config_json_option
def execute(
    file: Path | None,
    module: str | None,
    attribute: str | None,
    working_directory: Path | None,
    job_name: str | None,
    config_files: Sequence[Path],
    config_texts: Sequence[str],
) -> None:
    """Execute a job in this process: no server, no record of the run."""
    if (file is None) == (module is None):
        raise click.UsageError("say where the job is: either -f FILE or -m MODULE")
    config = run_config.read(config_files, config_texts)
    definitions = _load(file, module, attribute, working_directory)
    job = _job(definitions, job_name)
    began = time.monotonic()
    result = _run(job, config)
    for line in _lines(result):
        click.echo(line)
    is_success = result.success
    took = moments.duration(time.monotonic() - began)
    click.echo(f"{style.status('SUCCESS' if is_success else 'FAILURE')} in {took}")
    if not is_success:
        click.get_current_context().exit(EXIT_RUN_FAILED)


def _load(
    file: Path | None, module: str | None, attribute: str | None, working_directory: Path | None
) -> Definitions:
    from opweave import loading

    pointer = loading.CodePointer(
        kind="file" if file is not None else "module",
        target=str(file.absolute()) if file is not None else str(module),
        attribute=attribute,
        working_directory=str(working_directory) if working_directory else None,
    )
    try:
        return loading.load_definitions(pointer)
    except loading.LoadError as error:
        traceback = f"{error.traceback.rstrip()}\n" if error.traceback else ""
        raise CommandFailed(f"{pointer} cannot be loaded\n{traceback}{error.message}") from error


def _job(definitions: Definitions, name: str | None) -> JobDefinition:
    jobs = {job.name: job for job in definitions.jobs}
    known = ", ".join(sorted(jobs)) or "none"
    if name is None:
        if len(jobs) != 1:
            raise click.UsageError(f"say which job with -j NAME; there are: {known}")
        return next(iter(jobs.values()))
    if name not in jobs:
        raise NotFound(f"there is no job {name!r}; there are: {known}")
    return jobs[name]


def _run(job: JobDefinition, config: run_config.RunConfigInput) -> ExecuteInProcessResult:
    from opweave.errors import OpweaveInvalidConfigError
    from opweave.wire import codec

    try:
        return job.execute_in_process(config.content, raise_on_error=False)
    except OpweaveInvalidConfigError as error:
        hint = f"nothing was run. Job {job.name!r} needs a config that fits."
        raise run_config.refuse(config, codec.encode(error.problems), hint) from error


def _lines(result: ExecuteInProcessResult) -> Iterator[str]:
    """Yield a line per step and the user's traceback of each that failed; what they logged went to standard error."""
    statuses = {"STEP_SUCCESS": "SUCCESS", "STEP_FAILURE": "FAILURE", "STEP_SKIPPED": "SKIPPED"}
    width = max(len(step.key) for step in result.plan.steps)
    for event in result.all_events:
        status = statuses.get(event.event_type)
        if status is None:
            continue
        mark = style.status(style.MARKS[status], status)
        key = style.safe_line(event.step_key or "")
        why = event.message.removeprefix(f"skipped {event.step_key}: ")
        note = style.safe_line(why) if status == "SKIPPED" else ""
        yield f"  {key:<{width}}  {mark}  {style.status(status)}  {note}".rstrip()
    for key, failure in result.failures.items():
        yield style.status(f"{style.safe_line(key)} failed: {failure.reason}", "FAILURE")
        error = failure.error
        text = (
            user_error.text(error.class_name, error.message, error.stack)
            if error
            else failure.message
        )
        yield from (f"  {line}" for line in style.safe(text).splitlines())
