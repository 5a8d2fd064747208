"""Run config as objects, in place of nested dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave import errors
from opweave.config import env_var
from opweave.config.problems import shown


class RunConfig:
    """The config of a run.

    Args:
        ops: For each op its config, as a `Config` object or as it stands in YAML.
        resources: For each resource its config, as a `ConfigurableResource` or as it stands in YAML.
        inputs: Values of the job's own inputs.
    """

    def __init__(
        self,
        ops: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        self.ops = dict(ops or {})
        self.resources = dict(resources or {})

    def to_config_dict(self) -> dict[str, Any]:
        """Return the run config as it stands in YAML."""
        result = {}
        if self.ops:
            result["ops"] = {name: _entry(value) for name, value in self.ops.items()}
        if self.resources:
            result["resources"] = {name: _entry(value) for name, value in self.resources.items()}
        return result


def _entry(value: Any) -> Any:
    to_config = getattr(value, "__opweave_config_value__", None)
    if to_config is not None:
        return {"config": to_config()}
    return env_var.as_references(value)


def as_config_dict(run_config: RunConfig | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return *run_config* as a plain mapping.

    Raises:
        OpweaveInvariantViolationError: It is neither a `RunConfig` nor a mapping.
    """
    if run_config is None:
        return {}
    if isinstance(run_config, RunConfig):
        return run_config.to_config_dict()
    if isinstance(run_config, Mapping):
        plain: dict[str, Any] = _plain(run_config)
        return plain
    raise errors.OpweaveInvariantViolationError(
        f"the run config is {shown(run_config)}: give a dict or a RunConfig"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    to_config = getattr(value, "__opweave_config_value__", None)
    return env_var.as_references(value) if to_config is None else to_config()
