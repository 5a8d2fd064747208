"""Contexts for calling ops and I/O managers directly."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Self

from opweave.config import env_var
from opweave.definitions import resource as resource_definitions
from opweave.execution.context import (
    InitResourceContext,
    InputContext,
    OpExecutionContext,
    OutputContext,
    Resources,
    RunInfo,
)
from opweave.execution.events import StepEvents
from opweave.execution.resources import opened_resources
from opweave.execution.result import OpweaveEvent
from opweave.wire.attempt import EventType


class DirectOpExecutionContext(OpExecutionContext):
    """A context for calling an op directly; as a context manager it tears its resources down.

    Attributes:
        events: What the op told, in order.
    """

    def __init__(
        self,
        *,
        run: RunInfo,
        resources: Mapping[str, resource_definitions.ResourceDefinition],
        op_config: Any,
        retry_number: int,
    ) -> None:
        self.events: list[OpweaveEvent] = []
        told = StepEvents(self._record, "op")
        self._stack = contextlib.ExitStack()
        values = self._stack.enter_context(opened_resources(resources, run, told))
        super().__init__(
            run=run,
            events=told,
            resources=Resources(values, "the op"),
            op_config=op_config,
            retry_number=retry_number,
        )

    def _record(self, event_type: EventType, message: str, payload: dict[str, Any]) -> None:
        self.events.append(OpweaveEvent(event_type, message, "op", payload))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def build_op_context(
    resources: Mapping[str, Any] | None = None,
    op_config: Any = None,
    config: Any = None,
    run_tags: Mapping[str, str] | None = None,
    retry_number: int = 0,
    run_id: str = "EPHEMERAL",
) -> DirectOpExecutionContext:
    """Return a context for calling an op directly in a test.

    Args:
        resources: By key: objects, or definitions, which are set up with their default config; use the context in a
            ``with`` statement to have them torn down.
        op_config: The op's config, as it stands in YAML or as a `Config` object; the call checks and fills it as a run does.
        config: The same, in place of *op_config*.
        run_tags: Tags of the run.
        retry_number: What ``context.retry_number`` gives.
        run_id: Of the run.
    """
    definitions = {
        key: resource_definitions.as_resource(value, key)
        for key, value in (resources or {}).items()
    }
    return DirectOpExecutionContext(
        run=RunInfo(run_id, "EPHEMERAL", run_tags),
        resources=definitions,
        op_config=env_var.as_references(op_config if op_config is not None else config),
        retry_number=retry_number,
    )


def build_init_resource_context(
    config: Any = None, resources: Mapping[str, Any] | None = None
) -> InitResourceContext:
    """Return a context for calling a resource's function directly in a test."""
    return InitResourceContext(
        run=RunInfo("EPHEMERAL", "EPHEMERAL"),
        events=StepEvents(lambda *_: None, ""),
        resource_config=config,
        resources=Resources(resources or {}, "the resource"),
    )


def build_output_context(
    step_key: str = "op",
    name: str = "result",
    metadata: Mapping[str, Any] | None = None,
    run_id: str = "EPHEMERAL",
    mapping_key: str | None = None,
    resources: Mapping[str, Any] | None = None,
) -> OutputContext:
    """Return a context for calling ``IOManager.handle_output`` directly in a test."""
    return OutputContext(
        run=RunInfo(run_id, "EPHEMERAL"),
        events=StepEvents(lambda *_: None, step_key),
        step_key=step_key,
        name=name,
        mapping_key=mapping_key,
        metadata=metadata,
        resources=Resources(resources or {}, "the I/O manager"),
    )


def build_input_context(
    upstream_output: OutputContext | None = None,
    name: str = "input",
    metadata: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
) -> InputContext:
    """Return a context for calling ``IOManager.load_input`` directly in a test."""
    return InputContext(
        run=RunInfo("EPHEMERAL", "EPHEMERAL"),
        events=StepEvents(lambda *_: None, "op"),
        name=name,
        upstream_output=upstream_output or build_output_context(),
        metadata=metadata,
        resources=Resources(resources or {}, "the I/O manager"),
    )
