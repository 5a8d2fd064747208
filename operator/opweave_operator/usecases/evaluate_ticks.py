"""The tick engine: evaluates schedules and sensors when they are due, on a cluster and on a laptop alike.

Each instigator is evaluated by a task of its own, one tick at a time; a location gets a bounded number of evaluations at
once, so that one that hangs holds up no other. Nothing is remembered here that a restart would need: a tick that was not
committed is due again, a request that was not launched is pending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from opweave_operator import ports
from opweave_operator.core import model, ticks
from opweave_operator.core.instigators import Instigator, InstigatorRef, Kind
from opweave_operator.core.tick_records import TickOutcome, TickStatus
from opweave_operator.usecases import evaluate_instigator
from opweave_operator.usecases.known_instigators import KnownInstigators
from opweave_operator.usecases.launch_requested import RequestedRunLauncher

REFRESH_SECONDS = 1.0
"""How late a new definition, manifest or toggle takes effect."""
MAX_PER_LOCATION = 8
"""Evaluations of one location at a moment."""
SHOWN_AFTER_SECONDS = 1.0
"""An evaluation that takes longer is shown as STARTED; a write for each short one would be for nothing."""
LONGEST_BACKOFF = timedelta(seconds=300)
RETRY_SECONDS = 2.0
"""Between two looks for a location that does not answer: it is being replaced, and its ticks wait."""

_PAUSED_BY = {Kind.SCHEDULE: "Schedules", Kind.SENSOR: "Sensors"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Planned:
    """When to look at an instigator next; made anew when its position or timing has changed."""

    position_at: datetime
    timing: str
    at: datetime


class TickEngine:
    """Evaluates every running schedule and sensor of the instance.

    Args:
        known: Which there are.
        store: Where ticks are committed.
        code_locations: Who evaluates.
        launcher: Launches what ticks request.
        clock: The time.
        paused: What the instance has paused.
        beat: Called after each look that went well.
    """

    def __init__(
        self,
        *,
        known: KnownInstigators,
        store: ports.InstigatorStore,
        code_locations: ports.CodeLocations,
        launcher: RequestedRunLauncher,
        clock: ports.Clock,
        paused: Callable[[], Awaitable[Collection[str]]],
        beat: Callable[[], None],
    ) -> None:
        self._known = known
        self._store = store
        self._code_locations = code_locations
        self._launcher = launcher
        self._clock = clock
        self._paused = paused
        self._beat = beat
        self._current: dict[InstigatorRef, Instigator] = {}
        self._planned: dict[InstigatorRef, _Planned] = {}
        self._not_before: dict[InstigatorRef, datetime] = {}
        self._tasks: dict[InstigatorRef, asyncio.Task[None]] = {}
        self._limits: dict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MAX_PER_LOCATION)
        )

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._launch_pending())
                group.create_task(self._work())
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        is_recovered = False
        while True:
            try:
                await self.refresh()
                if not is_recovered:
                    await self._recover()
                    is_recovered = True
                self._beat()
            except Exception:  # noqa: BLE001  # the database may be away; the beat's age tells
                _log.exception("ticks_not_refreshed")
            await self._fire_for(REFRESH_SECONDS)

    async def _fire_for(self, seconds: float) -> None:
        """Start what is due, at its very moment, until the next refresh."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            self.fire()
            left = end - loop.time()
            if left <= 0:
                return
            now = self._clock.now()
            upcoming = min(
                (p.at for ref, p in self._planned.items() if ref not in self._tasks),
                default=now + timedelta(seconds=left),
            )
            wait = (upcoming - now).total_seconds()
            # What is due and waits for its location must not make this a busy loop.
            await asyncio.sleep(min(left, max(wait, 0.002 if wait > -0.5 else 0.2)))

    async def _launch_pending(self) -> None:
        while True:
            try:
                while await self._launcher.launch_pending():
                    pass
            except Exception:  # noqa: BLE001  # as above
                _log.exception("requested_runs_not_launched")
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Read what there is, note what began or stopped to tick, and plan the next ticks."""
        found = await self._known.read()
        paused = await self._paused()
        now = self._clock.now()
        # Together: the writes of a thousand schedules that begin at once share their commits.
        changes = await asyncio.gather(
            *(
                self._note_running(
                    instigator,
                    instigator.is_running and _PAUSED_BY[ref.kind] not in paused,
                    now,
                )
                for ref, instigator in found.items()
            )
        )
        if any(changes):
            found = await self._known.read()
        self._current = {
            ref: instigator
            for ref, instigator in found.items()
            if instigator.state.running_since is not None and not instigator.problem
        }
        for ref in self._planned.keys() - self._current.keys():
            del self._planned[ref]
        for ref in self._current:
            self._plan(ref, now)

    async def _note_running(self, instigator: Instigator, is_running: bool, now: datetime) -> bool:
        state = instigator.state
        if not is_running:
            if state.running_since is None:
                return False
            await self._store.put_running(instigator.ref, running_since=None, timing="")
            return True
        if instigator.problem:
            return False
        if state.running_since is not None and state.timing == instigator.timing:
            return False
        await self._store.put_running(instigator.ref, running_since=now, timing=instigator.timing)
        return True

    def _plan(self, ref: InstigatorRef, now: datetime) -> None:
        instigator = self._current[ref]
        position = instigator.state.position_at
        if ref.kind is Kind.SENSOR:
            at = now if position is None else position + _interval(instigator)
            # A clock that went back must not silence a sensor.
            at = min(at, now + _interval(instigator))
            self._planned[ref] = _Planned(position or now, "", at)
            return
        if position is None:
            return
        position = ticks.position_in_force(position, now)
        planned = self._planned.get(ref)
        if planned and (planned.position_at, planned.timing) == (position, instigator.timing):
            return
        is_due = bool(ticks.due(instigator.cron, position, now, instigator.policy))
        at = now if is_due else instigator.cron.next_after(max(now, position))
        self._planned[ref] = _Planned(position, instigator.timing, at)

    def fire(self) -> None:
        """Start the evaluation of everything that is due."""
        now = self._clock.now()
        for ref, planned in self._planned.items():
            if planned.at > now or ref in self._tasks or ref not in self._current:
                continue
            if self._not_before.get(ref, now) > now:
                continue
            task = asyncio.create_task(self._evaluate_due(self._current[ref], planned, now))
            self._tasks[ref] = task
            task.add_done_callback(lambda _, ref=ref: self._done(ref))  # type: ignore[misc]  # bound now

    def _done(self, ref: InstigatorRef) -> None:
        self._tasks.pop(ref, None)

    async def _evaluate_due(self, instigator: Instigator, planned: _Planned, now: datetime) -> None:
        ref = instigator.ref
        try:
            # Read again: the last tick may have been committed, or the cursor set by hand, since the last refresh.
            fresh = replace(instigator, state=await self._store.get_state(ref))
            due = _due(fresh, now)
            for at in due:
                await self._tick(fresh, at)
        except ports.LocationUnavailable as unavailable:
            _log.info("tick_waits", extra={"instigator": str(ref), "reason": str(unavailable)})
            self._wait(ref)
            return
        except Exception:  # noqa: BLE001  # one instigator's trouble must not stop the others; it is tried again
            _log.exception("tick_not_evaluated", extra={"instigator": str(ref)})
            self._wait(ref)
            return
        position = fresh.state.position_at or planned.position_at
        self._advance(fresh, max([position, *due]))

    def _wait(self, ref: InstigatorRef) -> None:
        self._not_before[ref] = self._clock.now() + timedelta(seconds=RETRY_SECONDS)

    def _advance(self, instigator: Instigator, position: datetime) -> None:
        """Plan the tick after *position* at once, without waiting for the next refresh."""
        ref, now = instigator.ref, self._clock.now()
        self._not_before.pop(ref, None)
        if ref not in self._planned:
            return
        if ref.kind is Kind.SENSOR:
            at = position + _interval(instigator)
            self._planned[ref] = _Planned(position, "", at)
        else:
            at = instigator.cron.next_after(max(position, now - ticks.ON_TIME))
            self._planned[ref] = _Planned(position, instigator.timing, at)

    async def _tick(self, instigator: Instigator, at: datetime) -> None:
        ref = instigator.ref
        if instigator.job_resource is not None:
            outcome = await self._outcome(instigator, at)
        else:
            async with self._limits[ref.namespace, ref.location]:
                outcome = await self._outcome(instigator, at)
        requests = await self._store.commit_tick(outcome)
        if requests:
            await self._launcher.launch(requests)

    async def _outcome(self, instigator: Instigator, at: datetime) -> TickOutcome:
        place = model.LocationRef(namespace=instigator.ref.namespace, name=instigator.ref.location)
        location = self._known.locations.get(place)
        evaluation = asyncio.ensure_future(
            evaluate_instigator.evaluate(
                self._code_locations, self._clock, instigator, location, at
            )
        )
        try:
            done, _ = await asyncio.wait({evaluation}, timeout=SHOWN_AFTER_SECONDS)
            if not done:
                await self._store.put_started(instigator.ref, at, self._clock.now())
            return await evaluation
        finally:
            evaluation.cancel()
            with contextlib.suppress(asyncio.CancelledError, ports.LocationUnavailable):
                await asyncio.gather(evaluation, return_exceptions=True)

    async def _recover(self) -> None:
        """End the ticks that a controller left STARTED: schedules' are evaluated again, sensors' have a next one."""
        for tick in await self._store.unfinished_ticks():
            instigator = self._current.get(tick.ref)
            if instigator is not None and tick.ref.kind is Kind.SCHEDULE:
                with contextlib.suppress(ports.LocationUnavailable):
                    await self._tick(instigator, tick.at)
                    continue
            await self._store.commit_tick(
                TickOutcome(
                    ref=tick.ref,
                    at=tick.at,
                    status=TickStatus.FAILURE,
                    started_at=tick.started_at,
                    ended_at=self._clock.now(),
                    error="the controller ended while it evaluated this tick; nothing of it counts",
                )
            )


def _due(instigator: Instigator, now: datetime) -> list[datetime]:
    """Return the ticks of an instigator whose state was just read; none when it was stopped or is too early."""
    state = instigator.state
    if state.running_since is None:
        return []
    if instigator.ref.kind is Kind.SCHEDULE:
        position = ticks.position_in_force(state.position_at or state.running_since, now)
        return ticks.due(instigator.cron, position, now, instigator.policy)
    rest = _interval(instigator)
    last = state.position_at
    is_early = last is not None and last <= now < last + rest
    return [] if is_early else [now]


def _interval(instigator: Instigator) -> timedelta:
    """Return how long a sensor rests, longer after failures in a row."""
    own = timedelta(seconds=instigator.interval_seconds)
    failures = min(instigator.state.failures, 10)
    if failures == 0:
        return own
    return max(own, min(max(own, timedelta(seconds=1)) * float(2**failures), LONGEST_BACKOFF))
