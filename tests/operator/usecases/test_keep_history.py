"""Retention over real storage: what goes, what stays, and that space is given back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.core.instigators import InstigatorRef, Kind
from opweave_operator.core.retention import Retention
from opweave_operator.core.tick_records import TickOutcome, TickStatus
from opweave_operator.storage import Stores
from opweave_operator.usecases.keep_history import HistoryKeeper
from run_builders import EXTRACT, NOW, a_run, an_event, set_run, set_step
from support.api_world import World

DAY = timedelta(days=1)


class At:
    """A clock that stands at one moment."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


async def ended(stores: Stores, at: datetime, events: int = 3, **changes: object) -> model.RunId:
    """Store a run that ended *at*, with events, a log and an output."""
    run = a_run(EXTRACT, **{"created_at": at, **changes})
    await stores.runs.create(run, [an_event("x" * 200)] * events)
    over = set_run(status=model.RunStatus.SUCCESS, ended_at=at, is_published=True)
    await stores.runs.transact(run.id, over)
    await stores.logs.append(log_of(run.id), "stdout", 0, b"hello")

    async def chunks():  # type: ignore[no-untyped-def]  # an async iterator of one chunk
        yield b"value"

    await stores.artifacts.write(f"{run.id}/extract/1/result", chunks())
    return run.id


def log_of(run_id: model.RunId) -> ports.AttemptRef:
    """Return the first attempt of the run's step."""
    return ports.AttemptRef(run_id=run_id, step_key=EXTRACT, number=1)


async def keep(stores: Stores, now: datetime, **kept: timedelta) -> None:
    """Keep history as *kept* says."""

    async def retention() -> Retention:
        return Retention(**kept)

    await HistoryKeeper(
        history=stores.history,
        logs=stores.logs,
        artifacts=stores.artifacts,
        retention=retention,
        clock=At(now),
    ).keep()


async def what_is_left(stores: Stores, run_id: model.RunId) -> tuple[bool, int, int, bool]:
    """Return whether the run, how many events, how many bytes of log, and whether its output is left."""
    return (
        await stores.runs.load(run_id) is not None,
        len(await stores.events.events(run_id, limit=1000)),
        await stores.logs.length(log_of(run_id), "stdout"),
        await stores.artifacts.read(f"{run_id}/extract/1/result") is not None,
    )


async def test_a_run_goes_with_all_that_belongs_to_it(any_world: World) -> None:
    """One that ended later stays whole."""
    stores = any_world.stores
    old, young = await ended(stores, NOW), await ended(stores, NOW + 2 * DAY)
    await keep(stores, NOW + 3 * DAY, runs=2 * DAY)
    assert (False, 0, 0, False) == await what_is_left(stores, old)
    assert (True, 3, 5, True) == await what_is_left(stores, young)


async def test_a_run_that_has_not_ended_stays_however_old(any_world: World) -> None:
    """Running, queued, or finished with a worker not yet released."""
    stores = any_world.stores
    kept = [a_run(EXTRACT), a_run(EXTRACT, status=model.RunStatus.QUEUED)]
    for run in kept:
        await stores.runs.create(run, [an_event()])
    unpublished = a_run(EXTRACT, status=model.RunStatus.SUCCESS, ended_at=NOW)
    await stores.runs.create(unpublished, [an_event()])
    await keep(stores, NOW + 999 * DAY, runs=DAY, events=DAY, compute_logs=DAY)
    for run in (*kept, unpublished):
        assert 1 == len(await stores.events.events(run.id, limit=10))


async def test_a_run_stays_while_another_goes_back_to_it(any_world: World) -> None:
    """A re-execution reads the outputs of the run before it."""
    stores = any_world.stores
    parent = await ended(stores, NOW)
    child = a_run(EXTRACT, parent_run_id=parent, root_run_id=parent)
    await stores.runs.create(child, [])
    await keep(stores, NOW + 9 * DAY, runs=DAY)
    assert await stores.runs.load(parent) is not None
    over = set_run(status=model.RunStatus.SUCCESS, ended_at=NOW + 9 * DAY, is_published=True)
    await stores.runs.transact(child.id, over)
    await keep(stores, NOW + 9 * DAY, runs=DAY)
    assert await stores.runs.load(parent) is None
    assert await stores.runs.load(child.id) is not None


async def test_events_and_logs_can_go_before_their_run(any_world: World) -> None:
    """Each by its own time."""
    stores = any_world.stores
    first = await ended(stores, NOW, events=2500)
    await keep(stores, NOW + 2 * DAY, events=DAY)
    assert (True, 0, 5, True) == await what_is_left(stores, first)
    await keep(stores, NOW + 2 * DAY, compute_logs=DAY)
    assert (True, 0, 0, True) == await what_is_left(stores, first)


async def test_old_ticks_go(any_world: World) -> None:
    """Those that ended later stay."""
    store = any_world.stores.instigators
    ref = InstigatorRef(kind=Kind.SCHEDULE, namespace="team", location="", name="daily")
    for day in range(4):
        at = NOW + day * DAY
        await store.commit_tick(
            TickOutcome(ref=ref, at=at, status=TickStatus.SKIPPED, started_at=at, ended_at=at)
        )
    await keep(any_world.stores, NOW + 5 * DAY, ticks=timedelta(days=3, hours=1))
    left = await store.list_ticks(ref, limit=10)
    assert [NOW + 3 * DAY, NOW + 2 * DAY] == sorted((tick.at for tick in left), reverse=True)


async def test_the_file_of_the_database_shrinks(world: World, tmp_path: Path) -> None:
    """Space is given back to the file system, not only marked as free."""
    stores = world.stores
    for _ in range(5):
        await ended(stores, NOW, events=4000)
    pages = await page_count(stores)
    await keep(stores, NOW + 9 * DAY, runs=DAY)
    assert await page_count(stores) < pages / 2


async def page_count(stores: Stores) -> int:
    """Return the size of the database in pages."""
    return await stores.database.read(
        lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    )


async def materialized(stores: Stores, at: datetime) -> model.RunId:
    """Store a run that ended *at* and stored a value of the asset ``rows``."""
    run = a_run(EXTRACT, created_at=at)
    await stores.runs.create(run, [])
    ref = log_of(run.id)
    attempt = model.Attempt(number=1, status=model.AttemptStatus.RUNNING)
    await stores.runs.transact(run.id, set_step(EXTRACT, attempts=(attempt,)))
    event = wire_attempt.Event(
        seq=0,
        type=wire_attempt.EventType.ASSET_MATERIALIZATION,
        at=at.isoformat(),
        payload={"asset_key": ["rows"], "output": "result", "is_stored": True},
    )
    await stores.events.append(ref, [event], outcome=None, moments=model.Moments(), now=at)
    done = model.Attempt(number=1, status=model.AttemptStatus.SUCCESS, is_released=True)
    await stores.runs.transact(run.id, set_step(EXTRACT, attempts=(done,)))
    over = set_run(status=model.RunStatus.SUCCESS, ended_at=at, is_published=True)
    await stores.runs.transact(run.id, over)
    return run.id


async def test_the_run_that_holds_the_newest_value_of_an_asset_stays(any_world: World) -> None:
    """Without its events; it goes once a newer run has stored the asset."""
    stores = any_world.stores
    first = await materialized(stores, NOW)
    await keep(stores, NOW + 9 * DAY, runs=DAY, events=DAY)
    assert await stores.runs.load(first) is not None
    assert [] == await stores.events.events(first, limit=10)
    second = await materialized(stores, NOW + 8 * DAY)
    await keep(stores, NOW + 99 * DAY, runs=DAY)
    assert await stores.runs.load(first) is None
    assert await stores.runs.load(second) is not None


async def test_a_run_between_the_first_and_a_running_re_execution_stays(any_world: World) -> None:
    """A step's input may come from any ancestor."""
    stores = any_world.stores
    first = await ended(stores, NOW)
    between = await ended(stores, NOW, parent_run_id=first, root_run_id=first)
    parent = await ended(stores, NOW, parent_run_id=between, root_run_id=first)
    child = a_run(EXTRACT, parent_run_id=parent, root_run_id=first)
    await stores.runs.create(child, [])
    await keep(stores, NOW + 9 * DAY, runs=DAY)
    assert all([await stores.runs.load(run_id) for run_id in (first, between, parent)])
