"""Resources outside of any run: for tests and scripts that use them alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from opweave import errors
from opweave.config import env_var
from opweave.definitions import resource as resource_definitions
from opweave.definitions.resource import ResourceDefinition
from opweave.execution.context import Resources, RunInfo
from opweave.execution.events import StepEvents
from opweave.execution.resources import opened_resources


@contextlib.contextmanager
def build_resources(
    resources: Mapping[str, Any],
    resource_config: Mapping[str, Any] | None = None,
) -> Iterator[Resources]:
    """Set *resources* up, give them as attributes, and tear them down when the block ends.

    Args:
        resources: By key: resource definitions, configurable resources, I/O managers or plain objects.
        resource_config: As it stands under ``resources`` in a run config, ``{key: {"config": ...}}``.

    Raises:
        OpweaveInvalidDefinitionError: A resource requires one that is not given, or they require each other.
        OpweaveInvalidInvocationError: There is config for a key that is not given.
        OpweaveInvalidConfigError: The config of one is wrong.
        OpweaveResourceFunctionError: The set-up of one raised.
    """
    definitions = {
        key: resource_definitions.as_resource(value, key) for key, value in resources.items()
    }
    for key in resource_config or {}:
        if key not in definitions:
            raise errors.OpweaveInvalidInvocationError(
                f"build_resources is given config of {key!r:.100}, which is not among its resources"
                f"{errors.did_you_mean(str(key), definitions)}"
            )
    run_config = {"resources": env_var.as_references(dict(resource_config or {}))}
    run = RunInfo("EPHEMERAL", "EPHEMERAL", run_config=run_config)
    with opened_resources(_ordered(definitions), run, StepEvents(lambda *_: None, "")) as values:
        yield Resources(values, "the block under build_resources")


def _ordered(definitions: Mapping[str, ResourceDefinition]) -> dict[str, ResourceDefinition]:
    """Return *definitions*, each after those that it requires."""
    result: dict[str, ResourceDefinition] = {}

    def add(key: str, user: str, chain: tuple[str, ...]) -> None:
        if key in chain:
            raise errors.OpweaveInvalidDefinitionError(
                f"the resources given to build_resources need each other: {' -> '.join((*chain, key))}"
            )
        if key in result:
            return
        if key not in definitions:
            raise errors.OpweaveInvalidDefinitionError(
                f"{user} requires the resource {key!r}, which is not given to build_resources"
                f"{errors.did_you_mean(key, definitions)}"
            )
        for other in sorted(definitions[key].required_resource_keys):
            add(other, f"the resource {key!r}", (*chain, key))
        result[key] = definitions[key]

    for key in definitions:
        add(key, "", ())
    return result
