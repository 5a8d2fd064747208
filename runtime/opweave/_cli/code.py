"""Definitions from a file or module of this machine, loaded into this very process: no server is asked."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opweave._cli.failures import CommandFailed, NotFound

if TYPE_CHECKING:
    from opweave import Definitions, JobDefinition

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What the options name.

    Attributes:
        directory: First on the import path; None means the current one.
    """

    file: Path | None = None
    module: str | None = None
    attribute: str | None = None
    directory: Path | None = None

    @property
    def is_given(self) -> bool:
        """Whether code is named; without, a server is asked."""
        return self.file is not None or self.module is not None

    def load(self) -> Definitions:
        """Return the definitions; without a file or module those that ``[tool.opweave]`` names here.

        Raises:
            CommandFailed: They cannot be loaded; the text has the user's traceback.
        """
        from opweave import loading

        if self.file is not None and self.module is not None:
            raise click.UsageError("give either -f FILE or -m MODULE")
        module = self.module or ("" if self.file else self._module_of_project())
        pointer = loading.CodePointer(
            kind="module" if module else "file",
            target=module or str(Path(str(self.file)).absolute()),
            attribute=self.attribute,
            working_directory=str(self.directory) if self.directory else None,
        )
        try:
            return loading.load_definitions(pointer)
        except loading.LoadError as error:
            traceback = f"{error.traceback.rstrip()}\n" if error.traceback else ""
            raise CommandFailed(
                f"{pointer} cannot be loaded\n{traceback}{error.message}"
            ) from error

    def _module_of_project(self) -> str:
        path = (self.directory or Path()) / "pyproject.toml"
        table: Any = None
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("opweave")
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            raise CommandFailed(f"{path} cannot be read as TOML: {error}") from error
        module = table.get("module_name") if isinstance(table, dict) else None
        if not isinstance(module, str) or not module:
            raise click.UsageError(
                f"say where the job is: -f FILE or -m MODULE, or module_name in [tool.opweave] of {path}"
            )
        return module


def code_options(command: Command) -> Command:
    """Give *command* the options that name code; it gets ``file``, ``module``, ``attribute``, ``working_directory``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "-f", "--file", type=click.Path(path_type=Path), help="Python file with the definitions."
    ),
    click.option("-m", "--module", metavar="NAME", help="Python module with the definitions."),
    click.option("-a", "--attribute", metavar="NAME", help="Name of the definitions in it."),
    click.option(
        "-d",
        "--working-directory",
        "directory",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="First on the import path.",
    ),
)


def job_of(definitions: Definitions, name: str | None) -> JobDefinition:
    """Return the job *name*, or the only one.

    Raises:
        NotFound: There is none of that name.
    """
    jobs = {job.name: job for job in definitions.jobs}
    known = ", ".join(sorted(jobs)) or "none"
    if name is None:
        if len(jobs) != 1:
            raise click.UsageError(f"say which job with -j NAME; there are: {known}")
        return next(iter(jobs.values()))
    if name not in jobs:
        raise NotFound(f"there is no job {name!r}; there are: {known}")
    return jobs[name]


def listed(definitions: Definitions) -> list[dict[str, Any]]:
    """Return the jobs in the shape in which a server lists them."""
    from opweave.execution.snapshot import snapshot_job

    return [
        {
            "name": job.name,
            "location": {"namespace": "local", "name": ""},
            "description": job.description,
            "requiresConfig": job.requires_config,
            "tags": [{"key": key, "value": value} for key, value in job.tags.items()],
            "steps": [
                {
                    "stepKey": step.key,
                    "opName": step.op,
                    "description": step.description,
                    "upstreamKeys": list(step.upstream_keys),
                }
                for step in job.plan.steps
            ],
        }
        for job in map(snapshot_job, sorted(definitions.jobs, key=lambda job: job.name))
    ]
