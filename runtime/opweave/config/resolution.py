"""From a config as it was written to the value that user code receives, for runs and for direct calls alike."""

from __future__ import annotations

from typing import Any

from opweave import errors
from opweave.config import shapes
from opweave.config.problems import Path, Problems


def resolved(field: shapes.Field, value: Any, path: Path, subject: str = "") -> Any:
    """Return *value*, or what stands for it when it is missing, checked and with its references resolved.

    Args:
        field: What the config must be.
        value: `NO_DEFAULT` when there is none; any JSON, hence `Any`, or an object that the type takes as it is.
        path: Where it stands, for messages.
        subject: What messages call it; the path by default.

    Raises:
        OpweaveInvalidConfigError: It is wrong, or refers to a variable that is not set.
    """
    problems = Problems()
    if value is not shapes.NO_DEFAULT and field.type.is_resolved(value):
        return value
    if value is shapes.NO_DEFAULT:
        value = field.missing(path, problems)
    if value is not shapes.NO_DEFAULT and not problems.found:
        value = field.type.validate(value, path, problems)
    if value is not shapes.NO_DEFAULT and not problems.found:
        value = field.type.resolve(value, path, problems)
    if problems.found:
        raise errors.OpweaveInvalidConfigError(
            f"{subject or '.'.join(path)} is wrong", problems.found
        )
    return None if value is shapes.NO_DEFAULT else value


def as_written(value: Any) -> Any:
    """Return a resolved config as ``context.op_config`` shows it: a `Config` object as the mapping that it stands for."""
    plain = getattr(value, "__opweave_config_value__", None)
    return value if plain is None else plain()
