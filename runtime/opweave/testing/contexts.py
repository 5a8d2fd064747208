"""Contexts for calling ops and I/O managers directly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    """A context for calling an op directly.

    Attributes:
        events: What the op told, in order.
    """

    def __init__(
        self,
        *,
        run: RunInfo,
        events: list[OpweaveEvent],
        resources: Mapping[str, Any],
        op_config: Any,
        retry_number: int,
    ) -> None:
        def record(event_type: EventType, message: str, payload: dict[str, Any]) -> None:
            events.append(OpweaveEvent(event_type, message, "op", payload))

        super().__init__(
            run=run,
            events=StepEvents(record, "op"),
            resources=Resources(resources, "the op"),
            op_config=op_config,
            retry_number=retry_number,
        )
        self.events = events


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
        resources: By key: objects, or definitions that are set up with their default config and not torn down.
        op_config: What ``context.op_config`` gives.
        config: The same, in place of *op_config*.
        run_tags: Tags of the run.
        retry_number: What ``context.retry_number`` gives.
        run_id: Of the run.
    """
    run = RunInfo(run_id, "EPHEMERAL", run_tags)
    events: list[OpweaveEvent] = []
    definitions = {
        key: resource_definitions.as_resource(value, key)
        for key, value in (resources or {}).items()
    }
    # Left open on purpose: the context outlives the call, as the test does.
    values = opened_resources(definitions, run, StepEvents(lambda *_: None, "op")).__enter__()
    given = op_config if op_config is not None else config
    return DirectOpExecutionContext(
        run=run,
        events=events,
        resources=values,
        op_config=env_var.as_references(given),
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
