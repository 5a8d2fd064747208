"""Contexts for calling schedules and sensors directly in tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opweave.definitions import resource as resource_definitions
from opweave.definitions import unsupported
from opweave.execution.context import RunInfo
from opweave.execution.events import StepEvents
from opweave.execution.resources import opened_resources
from opweave.execution.tick_context import ScheduleEvaluationContext, SensorEvaluationContext


def build_schedule_context(
    instance: object = None,
    scheduled_execution_time: datetime | None = None,
    resources: Mapping[str, Any] | None = None,
) -> ScheduleEvaluationContext:
    """Return a context for calling a schedule directly.

    Args:
        instance: Not supported yet.
        scheduled_execution_time: The time of the tick.
        resources: By key: objects, or definitions, which are set up with their default config.
    """
    unsupported.refuse("build_schedule_context", instance=instance)
    return ScheduleEvaluationContext(None, scheduled_execution_time, _values(resources))


def build_sensor_context(
    instance: object = None,
    cursor: str | None = None,
    sensor_name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    last_run_key: str | None = None,
) -> SensorEvaluationContext:
    """Return a context for calling a sensor directly.

    Args:
        instance: Not supported yet.
        cursor: Where the evaluation before left off.
        sensor_name: What ``context.sensor_name`` gives.
        resources: By key: objects, or definitions, which are set up with their default config.
        last_run_key: What ``context.last_run_key`` gives.
    """
    unsupported.refuse("build_sensor_context", instance=instance)
    return SensorEvaluationContext(
        sensor_name=sensor_name,
        cursor=cursor,
        last_run_key=last_run_key,
        resources=_values(resources),
    )


def _values(resources: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the resources set up; in a test they end with the process."""
    definitions = {
        key: resource_definitions.as_resource(value, key)
        for key, value in (resources or {}).items()
    }
    if not definitions:
        return {}
    run, events = RunInfo("EPHEMERAL", "EPHEMERAL"), StepEvents(lambda *_: None, "")
    return opened_resources(definitions, run, events).__enter__()
