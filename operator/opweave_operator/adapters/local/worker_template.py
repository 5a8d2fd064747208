"""What `model.Run.worker_template` means locally: which interpreter runs whose code, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opweave_operator.core import model


class WorkerTemplateError(ValueError):
    """A stored template has not the local shape; the text names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTemplate:
    """How to start processes of a code location.

    Attributes:
        python: Interpreter that has opweave and the location's dependencies.
        arguments: Where the definitions are, as ``--file shop.py``: the same for steps and code server.
        working_directory: Current directory of the processes; empty means the home directory of the instance.
        environment: Variables over those of the orchestrator's own process.
        artifacts: Where steps keep their values, as ``{"s3": {...}}``; empty for the artifact endpoint.
    """

    python: str
    arguments: tuple[str, ...]
    working_directory: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the template as it is stored with a run."""
        return {
            "python": self.python,
            "args": list(self.arguments),
            "workingDirectory": self.working_directory,
            "env": dict(self.environment),
        }


def parse(data: Mapping[str, Any]) -> WorkerTemplate:
    """Return the template that is stored as *data*.

    Raises:
        WorkerTemplateError: It was made by another adapter, or is damaged.
    """
    python, arguments = data.get("python"), data.get("args")
    directory, environment = data.get("workingDirectory", ""), data.get("env", {})
    if not isinstance(python, str) or not python:
        raise WorkerTemplateError(
            "worker_template.python is missing: the run was launched for another platform than local processes; "
            "launch it again here"
        )
    if not _is_strings(arguments):
        raise WorkerTemplateError("worker_template.args must be a list of strings")
    if not isinstance(directory, str):
        raise WorkerTemplateError("worker_template.workingDirectory must be a string")
    if not isinstance(environment, dict) or not _is_strings([*environment, *environment.values()]):
        raise WorkerTemplateError("worker_template.env must hold strings")
    artifacts = data.get(model.ARTIFACTS_KEY) or {}
    if not isinstance(artifacts, Mapping):
        raise WorkerTemplateError("worker_template.artifacts must be a mapping")
    return WorkerTemplate(
        python=python,
        arguments=tuple(arguments or ()),
        working_directory=directory,
        environment=environment,
        artifacts=artifacts,
    )


def _is_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and "\0" not in v for v in values)
