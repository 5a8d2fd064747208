"""Evaluate one schedule or sensor once, in the code server of its location, and say what it came to.

What the user's code does wrong is an outcome; a code server that does not answer is not: its tick waits.
"""

from __future__ import annotations

from datetime import datetime

from opweave.wire import ticks as wire_ticks
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.core.instigators import Instigator, Kind
from opweave_operator.core.tick_records import RunWish, TickLog, TickOutcome, TickStatus


async def evaluate(
    code_locations: ports.CodeLocations,
    clock: ports.Clock,
    instigator: Instigator,
    location: ports.LocationRecord | None,
    at: datetime,
) -> TickOutcome:
    """Return the outcome of the tick *at*, not committed yet.

    Raises:
        LocationUnavailable: The code server does not answer.
    """
    started_at = clock.now()
    reply = await ask(code_locations, instigator, location, at)
    failure = reply.failure or _fault(instigator, reply)
    status = TickStatus.SUCCESS if reply.run_requests else TickStatus.SKIPPED
    logs = tuple(
        TickLog(at=line.at, level=line.level, message=line.message[: wire_ticks.MAX_LOG_CHARACTERS])
        for line in reply.logs[: wire_ticks.MAX_LOG_LINES]
    )
    outcome = TickOutcome(
        ref=instigator.ref,
        at=at,
        status=TickStatus.FAILURE if failure else status,
        started_at=started_at,
        ended_at=clock.now(),
        logs=logs,
        error=failure.message if failure else "",
        traceback=failure.traceback if failure else "",
        skip_reason="" if failure or reply.run_requests else reply.skip_reason,
        wishes=() if failure else tuple(_wish(instigator, run) for run in reply.run_requests),
        cursor=None if failure else reply.cursor,
    )
    return outcome


async def ask(
    code_locations: ports.CodeLocations,
    instigator: Instigator,
    location: ports.LocationRecord | None,
    at: datetime,
    *,
    cursor: str | None = None,
) -> wire_ticks.TickReply:
    """Return what the code answers; also for a dry run, which commits nothing.

    Args:
        code_locations: The code servers.
        instigator: What to evaluate.
        location: Its location.
        at: The time of the tick.
        cursor: In place of the sensor's own, for a dry run.

    Raises:
        LocationUnavailable: The code server does not answer.
    """
    ref, state = instigator.ref, instigator.state
    if instigator.job_resource is not None:
        return wire_ticks.TickReply(run_requests=(wire_ticks.RequestedRun(),))
    if location is None or not location.url:
        place = model.LocationRef(namespace=ref.namespace, name=ref.location)
        raise ports.LocationUnavailable(f"code location {place} does not serve")
    if ref.kind is Kind.SCHEDULE:
        request = wire_ticks.ScheduleTickRequest(
            schedule=ref.name,
            scheduled_at=at.isoformat(),
            timeout_seconds=instigator.timeout_seconds,
        )
        return await code_locations.schedule_tick(location.url, request)
    last = state.position_at
    since = state.running_since
    return await code_locations.sensor_tick(
        location.url,
        wire_ticks.SensorTickRequest(
            sensor=ref.name,
            cursor=state.cursor if cursor is None else cursor,
            last_run_key=state.last_run_key,
            last_tick_at=last.isoformat() if last else None,
            is_first_tick=last is None or (since is not None and last < since),
            timeout_seconds=instigator.timeout_seconds,
        ),
    )


def _wish(instigator: Instigator, run: wire_ticks.RequestedRun) -> RunWish:
    return RunWish(
        job=None if instigator.job_resource else run.job or instigator.jobs[0],
        job_resource=instigator.job_resource,
        run_key=run.run_key,
        run_config=run.run_config,
        tags=run.tags,
    )


def _fault(instigator: Instigator, reply: wire_ticks.TickReply) -> wire_ticks.TickFailure | None:
    """Return what is wrong with a reply, which comes from a user's process."""
    if len(reply.run_requests) > wire_ticks.MAX_RUN_REQUESTS:
        text = (
            f"the tick requests {len(reply.run_requests)} runs; at most"
            f" {wire_ticks.MAX_RUN_REQUESTS} are taken"
        )
        return wire_ticks.TickFailure(reason="TooManyRuns", message=text)
    if len(reply.cursor or "") > wire_ticks.MAX_CURSOR_CHARACTERS:
        text = f"the cursor has more than {wire_ticks.MAX_CURSOR_CHARACTERS} characters; keep less in it"
        return wire_ticks.TickFailure(reason="CursorTooLong", message=text)
    has_one_target = instigator.job_resource is not None or len(instigator.jobs) == 1
    if not has_one_target and any(run.job is None for run in reply.run_requests):
        text = f"{instigator.ref} has {len(instigator.jobs)} jobs: name one in each RunRequest (job_name)"
        return wire_ticks.TickFailure(reason="NoJob", message=text)
    return None
