"""The tick engine over a real database with a clock that is moved by hand, killed at every write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opweave.wire import location as wire_location
from opweave.wire import plan as wire_plan
from opweave.wire import ticks as wire_ticks
from opweave_operator import ports, storage
from opweave_operator.core import model, ticks
from opweave_operator.core.instigators import Declaration, InstigatorRef, Kind, Toggle
from opweave_operator.core.tick_records import TickStatus
from opweave_operator.usecases.evaluate_ticks import TickEngine
from opweave_operator.usecases.known_instigators import KnownInstigators
from opweave_operator.usecases.launch_requested import RequestedRunLauncher
from opweave_operator.usecases.launch_run import RunLauncher
from support import api_world

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = model.LocationRef(namespace="team", name="shop")
PLAN = wire_plan.RunPlan(job="report", steps=(wire_plan.PlannedStep(key="a", op="a"),))
DAILY = InstigatorRef(kind=Kind.SCHEDULE, namespace="team", location="", name="minutely")


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


class Code:
    """Answers of a location, as its code server would give them."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[Any] = []
        self.planned: list[wire_location.PlanRequest] = []
        self.reply: Callable[[Any], wire_ticks.TickReply] = lambda _: wire_ticks.TickReply()
        self.hanging: set[str] = set()

    async def plan(self, url: str, request: wire_location.PlanRequest) -> wire_location.PlanReply:
        if self.is_away:
            raise ports.LocationUnavailable("being replaced")
        self.planned.append(request)
        return wire_location.PlanReply(plan=PLAN)

    async def schedule_tick(
        self, url: str, request: wire_ticks.ScheduleTickRequest
    ) -> wire_ticks.TickReply:
        return await self._tick(request, request.schedule)

    async def sensor_tick(
        self, url: str, request: wire_ticks.SensorTickRequest
    ) -> wire_ticks.TickReply:
        return await self._tick(request, request.sensor)

    async def _tick(self, request: Any, name: str) -> wire_ticks.TickReply:
        if self.is_away:
            raise ports.LocationUnavailable("being replaced")
        self.asked.append(request)
        if name in self.hanging:
            await asyncio.Event().wait()
        return self.reply(request)


class Killed(Exception):
    """Stands for the death of the process."""


class Mortal:
    """A store whose process dies at the n-th write: before it, or right after its commit."""

    def __init__(self, inner: Any, dies_at: int, *, is_after: bool) -> None:
        self._inner = inner
        self._left = dies_at
        self._is_after = is_after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not name.startswith(("put_", "commit", "settle", "create")):
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._is_after:
                raise Killed
            result = await method(*arguments, **named)
            if self._left == 0:
                raise Killed
            return result

        return call


class Town:
    """One instance whose controller may die and come back."""

    def __init__(self, stores: storage.Stores) -> None:
        self.stores = stores
        self.clock = HandClock()
        self.code = Code()
        self.paused: set[str] = set()

    def engine(self, wrap: Callable[[Any], Any] = lambda store: store) -> TickEngine:
        """Return the engine of a process that has just begun."""
        runs, instigators = wrap(self.stores.runs), wrap(self.stores.instigators)
        launcher = RunLauncher(
            runs=runs,
            catalog=self.stores.catalog,
            code_locations=self.code,  # type: ignore[arg-type]  # what ticks ask of it
            clock=self.clock,
        )

        async def paused() -> Collection[str]:
            return self.paused

        return TickEngine(
            known=KnownInstigators(self.stores.catalog, self.stores.instigators),
            store=instigators,
            code_locations=self.code,  # type: ignore[arg-type]  # as above
            launcher=RequestedRunLauncher(instigators, launcher.launch),
            clock=self.clock,
            paused=paused,
            beat=lambda: None,
        )

    async def live(self, engine: TickEngine, *, until: Callable[[], Any] | None = None) -> None:
        """Let a look happen: refresh, recover what was left, launch what is pending, evaluate what is due."""
        await engine.refresh()
        await engine._recover()
        await engine._launcher.launch_pending()
        engine.fire()
        tasks = list(engine._tasks.values())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def launched(self) -> list[model.Run]:
        """Return all runs."""
        return await self.stores.runs.list_runs(ports.RunFilter(), limit=1000)

    async def times(self) -> list[str]:
        """Return for which times runs were launched."""
        tag = "opweave/scheduled_execution_time"
        return sorted(run.tags[tag][11:16] for run in await self.launched() if tag in run.tags)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with api_world.open_stores(f"sqlite:///{tmp_path / 'o.db'}", tmp_path) as stores:
        await stores.catalog.put_location(
            ports.LocationRecord(
                ref=PLACE,
                url="http://code",
                snapshot=wire_location.LocationSnapshot(
                    definitions_hash="1",
                    jobs=(wire_location.JobSnapshot(name="report", plan=PLAN),),
                    schedule_details=(
                        wire_location.ScheduleSnapshot(
                            name="hourly", crons=("0 * * * *",), jobs=("report",)
                        ),
                    ),
                    sensor_details=tuple(
                        wire_location.SensorSnapshot(
                            name=name,
                            jobs=("report",),
                            interval_seconds=30,
                            is_default_running=True,
                        )
                        for name in ("files", "other")
                    ),
                ),
            )
        )
        await stores.catalog.put_job(
            ports.JobRecord(namespace="team", name="daily", location="shop", job="report")
        )
        yield Town(stores)


def minutely(**fields: Any) -> Declaration:
    """Return a schedule of every minute that makes up for what it missed."""
    made = Declaration(
        kind=Kind.SCHEDULE,
        namespace="team",
        name="minutely",
        job="daily",
        cron="* * * * *",
        catch_up=ticks.CatchUp.ALL,
    )
    return replace(made, **fields)


async def test_a_yaml_schedule_launches_its_job_at_its_times(town: Town) -> None:
    """Not for the time before it began."""
    await town.stores.instigators.put_declaration(minutely())
    engine = town.engine()
    await town.live(engine)
    assert await town.launched() == []
    for _ in range(3):
        town.clock.at += timedelta(seconds=61)
        await town.live(engine)
    [run, *_] = await town.launched()
    assert await town.times() == ["12:01", "12:02", "12:03"]
    assert (run.job_resource, run.launched_by) == ("daily", "schedule minutely")


async def test_a_schedule_of_a_job_of_assets_makes_what_that_selects(town: Town) -> None:
    """The code is asked for a plan of just these."""
    await town.stores.catalog.put_job(
        ports.JobRecord(
            namespace="team", name="daily", location="shop", job="report", assets="group:reporting"
        )
    )
    await town.stores.instigators.put_declaration(minutely())
    engine = town.engine()
    await town.live(engine)
    town.clock.at += timedelta(seconds=61)
    await town.live(engine)
    assert town.code.planned[-1].asset_selection == ("group:reporting",)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", range(1, 12))
async def test_no_tick_is_lost_or_doubled_whichever_write_kills(
    town: Town, dies_at: int, is_after: bool
) -> None:
    """The controller dies at one of its writes and another goes on."""
    await town.stores.instigators.put_declaration(minutely())
    await town.live(town.engine())
    mortal = town.engine(lambda store: Mortal(store, dies_at, is_after=is_after))
    for _ in range(2):
        town.clock.at += timedelta(seconds=60)
        with contextlib.suppress(Killed):
            await town.live(mortal)
    town.clock.at += timedelta(seconds=60)
    fresh = town.engine()
    await town.live(fresh)
    await town.live(fresh)

    assert await town.times() == ["12:01", "12:02", "12:03"]
    assert await town.stores.instigators.pending_requests(10) == []
    found = await town.stores.instigators.list_ticks(DAILY, limit=10)
    assert [tick.status for tick in found] == [TickStatus.SUCCESS] * 3


async def test_two_controllers_at_once_launch_each_tick_once(town: Town) -> None:
    await town.stores.instigators.put_declaration(minutely())
    engines = [town.engine(), town.engine()]
    for _ in range(4):
        await asyncio.gather(*(town.live(engine) for engine in engines))
        town.clock.at += timedelta(seconds=60)
    assert await town.times() == ["12:01", "12:02", "12:03"]


async def test_a_clock_that_goes_back_launches_nothing_twice(town: Town) -> None:
    await town.stores.instigators.put_declaration(minutely())
    engine = town.engine()
    for minutes in (0, 1, 2, -5, 1, 2, 3):
        town.clock.at = NOON + timedelta(minutes=minutes)
        await town.live(engine)
    assert await town.times() == ["12:01", "12:02", "12:03"]


async def test_what_suspend_and_pause_leave_out_is_not_missed(town: Town) -> None:
    await town.stores.instigators.put_declaration(minutely())
    engine = town.engine()
    await town.live(engine)
    for stop in (minutely(is_suspended=True), None):
        town.paused = set() if stop else {"Schedules"}
        await town.stores.instigators.put_declaration(stop or minutely())
        await town.live(engine)
        town.clock.at += timedelta(minutes=5)
        await town.live(engine)
        town.paused = set()
        await town.stores.instigators.put_declaration(minutely())
        await town.live(engine)
    town.clock.at += timedelta(minutes=1)
    await town.live(engine)
    assert await town.times() == ["12:11"]


async def test_another_cron_fires_none_of_its_old_times(town: Town) -> None:
    await town.stores.instigators.put_declaration(minutely(cron="0 0 1 1 *"))
    engine = town.engine()
    await town.live(engine)
    town.clock.at += timedelta(minutes=30)
    await town.stores.instigators.put_declaration(minutely())
    await town.live(engine)
    await town.live(engine)
    assert await town.launched() == []


async def test_a_location_that_is_replaced_makes_ticks_wait_not_fail(town: Town) -> None:
    """The schedule in code is declared; its tick and its run come when the location is back."""
    declared = Declaration(
        kind=Kind.SCHEDULE, namespace="team", name="h", location="shop", code_name="hourly"
    )
    await town.stores.instigators.put_declaration(declared)
    town.code.reply = lambda _: wire_ticks.TickReply(
        run_requests=(wire_ticks.RequestedRun(run_key="k"),)
    )
    engine = town.engine()
    await town.live(engine)
    town.code.is_away = True
    town.clock.at = NOON + timedelta(minutes=60)
    await town.live(engine)
    waiting = await town.stores.instigators.list_ticks(declared.ref, limit=5)
    town.code.is_away = False
    town.clock.at += timedelta(seconds=10)
    await town.live(engine)
    assert waiting == []
    assert await town.times() == ["13:00"]


async def test_a_sensor_goes_on_from_its_cursor_and_rests_longer_after_errors(town: Town) -> None:
    def count(request: wire_ticks.SensorTickRequest) -> wire_ticks.TickReply:
        number = int(request.cursor or 0) + 1
        if number == 3:
            failure = wire_ticks.TickFailure(reason="UserCodeError", message="boom")
            return wire_ticks.TickReply(failure=failure, cursor="9")
        return wire_ticks.TickReply(
            cursor=str(number), run_requests=(wire_ticks.RequestedRun(run_key=f"k{number}"),)
        )

    await town.stores.instigators.put_toggle(_sensor("other"), Toggle.STOPPED)
    town.code.reply = count
    engine = town.engine()
    for _ in range(12):
        await town.live(engine)
        town.clock.at += timedelta(seconds=30)
    found = await town.stores.instigators.list_ticks(_sensor("files"), limit=20)
    state = await town.stores.instigators.get_state(_sensor("files"))
    assert [request.cursor for request in town.code.asked] == [None, "1", "2", "2", "2"]
    assert [run.tags["opweave/run_key"] for run in await town.launched()] == ["k2", "k1"]
    assert (state.cursor, state.last_run_key, state.failures) == ("2", "k2", 3)
    assert found[0].error == "boom"


async def test_a_sensor_that_hangs_delays_no_other(town: Town) -> None:
    town.code.hanging = {"files"}
    engine = town.engine()
    await engine.refresh()
    engine.fire()
    hanging = engine._tasks[_sensor("files")]
    await engine._tasks[_sensor("other")]
    town.clock.at += timedelta(seconds=30)
    await engine.refresh()
    engine.fire()
    await engine._tasks[_sensor("other")]
    others = await town.stores.instigators.list_ticks(_sensor("other"), limit=5)
    assert not hanging.done()
    assert len(others) == 2
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)


async def test_a_wrong_request_fails_its_tick_in_words(town: Town) -> None:
    town.code.reply = lambda _: wire_ticks.TickReply(
        run_requests=(wire_ticks.RequestedRun(job="repord"),)
    )
    await town.live(town.engine())
    [tick] = await town.stores.instigators.list_ticks(_sensor("files"), limit=5)
    assert tick.status is TickStatus.FAILURE
    assert "did you mean 'report'?" in tick.error
    assert await town.launched() == []


def _sensor(name: str) -> InstigatorRef:
    return InstigatorRef(kind=Kind.SENSOR, namespace="team", location="shop", name=name)
