"""Evaluate a schedule or sensor in this process: its resources, its function, and what it gave as a message."""

from __future__ import annotations

import contextlib
import inspect
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opweave import errors, tracebacks
from opweave.config.problems import shown
from opweave.definitions.run_config import RunConfig
from opweave.definitions.run_request import RunRequest, SkipReason
from opweave.definitions.sensor import SensorResult
from opweave.execution.context import RunInfo
from opweave.execution.error_info import one_line
from opweave.execution.events import StepEvents
from opweave.execution.resources import opened_resources
from opweave.execution.tick_context import (
    ScheduleEvaluationContext,
    SensorEvaluationContext,
    TickContext,
)
from opweave.wire.ticks import (
    MAX_RUN_REQUESTS,
    RequestedRun,
    ScheduleTickRequest,
    SensorTickRequest,
    TickFailure,
    TickReply,
)

if TYPE_CHECKING:
    from opweave.definitions.definitions import Definitions
    from opweave.definitions.schedule import ScheduleDefinition
    from opweave.definitions.sensor import SensorDefinition


def evaluate_schedule(definitions: Definitions, request: ScheduleTickRequest) -> TickReply:
    """Return what the schedule comes to; what its code raises is part of the answer."""
    found = [s for s in definitions.schedules if s.name == request.schedule]
    if not found:
        names = [s.name for s in definitions.schedules]
        return _not_found("schedule", request.schedule, names)
    schedule = found[0]

    def make(resources: Mapping[str, Any]) -> ScheduleEvaluationContext:
        zone = zoneinfo.ZoneInfo(schedule.execution_timezone or "UTC")
        at = datetime.fromisoformat(request.scheduled_at).astimezone(zone)
        return ScheduleEvaluationContext(schedule.name, at, resources)

    return _guarded(definitions, schedule, make, _schedule_reply)


def evaluate_sensor(definitions: Definitions, request: SensorTickRequest) -> TickReply:
    """Return what the sensor comes to; what its code raises is part of the answer."""
    found = [s for s in definitions.sensors if s.name == request.sensor]
    if not found:
        return _not_found("sensor", request.sensor, [s.name for s in definitions.sensors])
    last = request.last_tick_at

    def make(resources: Mapping[str, Any]) -> SensorEvaluationContext:
        return SensorEvaluationContext(
            sensor_name=request.sensor,
            cursor=request.cursor,
            last_run_key=request.last_run_key,
            last_tick_completion_time=datetime.fromisoformat(last).timestamp() if last else None,
            is_first_tick_since_sensor_start=request.is_first_tick,
            resources=resources,
        )

    return _guarded(definitions, found[0], make, _sensor_reply)


def _guarded(definitions: Definitions, definition: Any, make: Any, answer: Any) -> TickReply:
    """Evaluate; Any: the two kinds differ only in context and answer, which belong together."""
    context: TickContext | None = None
    try:
        with _resources(definitions, definition) as resources:
            context = make(resources)
            reply: TickReply = answer(definition, context)
    except Exception as error:  # noqa: BLE001  # whatever user code raises is the tick's failure
        return TickReply(
            failure=TickFailure(
                reason="UserCodeError",
                message=one_line(error),
                traceback=tracebacks.user_traceback(error),
            ),
            logs=context.log_lines if context is not None else (),
        )
    return reply


@contextlib.contextmanager
def _resources(definitions: Definitions, definition: Any) -> Iterator[dict[str, Any]]:
    needed = definitions.resources_of(definition)
    if not needed:
        yield {}
        return
    with opened_resources(needed, RunInfo("", ""), StepEvents(lambda *_: None, "")) as values:
        yield {key: values[key] for key in definition.required_resource_keys}


def _schedule_reply(schedule: ScheduleDefinition, context: ScheduleEvaluationContext) -> TickReply:
    if schedule.should_execute is not None and not schedule.should_execute(context):
        return TickReply(skip_reason="should_execute returned False", logs=context.log_lines)
    own = {**schedule.tags, **(schedule.tags_fn(context) if schedule.tags_fn else {})}
    result = _Collected(schedule(context), f"the schedule {schedule.name!r}", takes_config=True)
    if result.cursor is not None:
        raise errors.OpweaveInvariantViolationError(
            f"the schedule {schedule.name!r} gave a SensorResult: give RunRequest or SkipReason"
        )
    return result.reply(context, own, None)


def _sensor_reply(sensor: SensorDefinition, context: SensorEvaluationContext) -> TickReply:
    result = _Collected(sensor(context), f"the sensor {sensor.name!r}", takes_config=False)
    if result.cursor is not None and context.cursor_updated:
        raise errors.OpweaveInvariantViolationError(
            f"the sensor {sensor.name!r} called update_cursor and gave a SensorResult with a cursor: do one of them"
        )
    cursor = context.cursor if context.cursor_updated else result.cursor
    return result.reply(context, sensor.tags, cursor)


class _Collected:
    """What a function returned or yielded."""

    def __init__(self, given: Any, owner: str, *, takes_config: bool) -> None:
        self._owner = owner
        self.runs: list[RunRequest] = []
        self.skips: list[str] = []
        self.cursor: str | None = None
        if takes_config and isinstance(given, (Mapping, RunConfig)):
            given = RunRequest(run_config=given)
        for item in (
            given if inspect.isgenerator(given) or isinstance(given, (list, tuple)) else [given]
        ):
            self._take(item)
            if len(self.runs) > MAX_RUN_REQUESTS:
                raise errors.OpweaveInvariantViolationError(
                    f"{owner} asked for more than {MAX_RUN_REQUESTS} runs in one tick: ask for the next ones in the next"
                )
        if self.runs and self.skips:
            raise errors.OpweaveInvariantViolationError(
                f"{owner} gave RunRequest and SkipReason in one tick: give one of them"
            )

    def _take(self, item: Any) -> None:
        if isinstance(item, RunRequest):
            self.runs.append(item)
        elif isinstance(item, SkipReason):
            self.skips.append(item.skip_message or "")
        elif isinstance(item, SensorResult):
            self.runs += item.run_requests
            if item.skip_reason is not None:
                self.skips.append(item.skip_reason.skip_message or "")
            self.cursor = item.cursor if item.cursor is not None else self.cursor
        elif item is not None:
            raise errors.OpweaveInvariantViolationError(
                f"{self._owner} gave {shown(item)}: give RunRequest, SkipReason or, from a sensor, SensorResult"
            )

    def reply(self, context: TickContext, tags: Mapping[str, str], cursor: str | None) -> TickReply:
        return TickReply(
            run_requests=tuple(
                RequestedRun(
                    job=run.job_name,
                    run_key=run.run_key,
                    run_config=run.run_config or None,
                    tags={**{str(k): str(v) for k, v in tags.items()}, **run.tags},
                )
                for run in self.runs
            ),
            skip_reason="; ".join(filter(None, self.skips)),
            cursor=cursor,
            logs=context.log_lines,
        )


def _not_found(kind: str, name: str, names: list[str]) -> TickReply:
    listed = ", ".join(names[:20]) or "none"
    text = f"this location defines no {kind} {name!r:.120}{errors.did_you_mean(name, names)} (it has: {listed})"
    return TickReply(failure=TickFailure(reason="NotFound", message=text))
