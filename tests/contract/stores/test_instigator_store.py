"""What every `ports.InstigatorStore` promises."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from databases import OpenStores
from opweave_operator.core import ticks
from opweave_operator.core.instigators import Declaration, InstigatorRef, Kind, Toggle
from opweave_operator.core.tick_records import (
    RequestStatus,
    RunWish,
    TickLog,
    TickOutcome,
    TickStatus,
)
from opweave_operator.storage import Stores
from run_builders import NOW

SENSOR = InstigatorRef(kind=Kind.SENSOR, namespace="team", location="shop", name="files")
SCHEDULE = InstigatorRef(kind=Kind.SCHEDULE, namespace="team", location="", name="daily")
DECLARED = Declaration(
    kind=Kind.SENSOR,
    namespace="team",
    name="files",
    location="shop",
    code_name="on_files",
    is_suspended=True,
    catch_up=ticks.CatchUp.ALL,
    starting_deadline_seconds=60,
    interval_seconds=5,
    timeout_seconds=7,
    watch={"kind": "ConfigMap"},
)


def outcome(ref: InstigatorRef = SENSOR, at: datetime = NOW, **fields: object) -> TickOutcome:
    """Return a tick that succeeded."""
    made = TickOutcome(
        ref=ref,
        at=at,
        status=TickStatus.SUCCESS,
        started_at=at,
        ended_at=at + timedelta(seconds=1),
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the caller names real fields


async def test_a_manifest_is_stored_whole_and_replaced(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    await stores.instigators.put_declaration(replace(DECLARED, job="old"))
    await stores.instigators.put_declaration(DECLARED)
    assert await open_more_stores().instigators.declarations() == [DECLARED]
    for _ in range(2):
        await stores.instigators.delete_declaration(Kind.SENSOR, "team", "files")
    assert await stores.instigators.declarations() == []


async def test_tick_cursor_and_requests_commit_together(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    wish = RunWish(job="report", run_key="a", run_config={"z": 1, "a": None}, tags={"k": "v"})
    log = TickLog(at=NOW.isoformat(), level="INFO", message="found a \0 file")
    requests = await stores.instigators.commit_tick(
        outcome(wishes=(wish,), cursor="7\0", logs=(log,))
    )
    other = open_more_stores().instigators
    assert requests is not None
    [tick] = await other.list_ticks(SENSOR, limit=5)
    state = await other.get_state(SENSOR)
    assert await other.pending_requests(10) == requests
    assert (state.cursor, state.last_run_key, state.position_at) == ("7\0", "a", NOW)
    assert (tick.status, tick.runs, tick.logs) == (TickStatus.SUCCESS, 1, (log,))
    assert tick.run_ids == (requests[0].run_id,)
    assert requests[0].wish == wish


async def test_a_tick_ends_once(stores: Stores) -> None:
    """A second end of the same tick changes nothing, whatever it says."""
    first = await stores.instigators.commit_tick(outcome(cursor="1", wishes=(RunWish(job="a"),)))
    again = await stores.instigators.commit_tick(outcome(cursor="2", wishes=(RunWish(job="b"),)))
    assert (first is not None, again) == (True, None)
    assert (await stores.instigators.get_state(SENSOR)).cursor == "1"
    assert len(await stores.instigators.pending_requests(10)) == 1


async def test_of_two_controllers_that_commit_a_tick_one_does(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Also the very first tick, when there is no row to lock yet."""
    all_stores = [stores, *(open_more_stores() for _ in range(3))]
    ends = await asyncio.gather(
        *(s.instigators.commit_tick(outcome(wishes=(RunWish(job="a"),))) for s in all_stores)
    )
    assert [end is None for end in ends].count(False) == 1
    assert len(await stores.instigators.pending_requests(10)) == 1


async def test_a_run_key_launches_one_run_for_ever(stores: Stores) -> None:
    """Within a tick and across ticks; another sensor's keys are its own."""
    keys = ["a", "b", "a", None, None]
    wishes = tuple(RunWish(job="report", run_key=key) for key in keys)
    first = await stores.instigators.commit_tick(outcome(wishes=wishes))
    later = NOW + timedelta(minutes=1)
    second = await stores.instigators.commit_tick(outcome(at=later, wishes=wishes))
    foreign = await stores.instigators.commit_tick(
        outcome(ref=replace(SENSOR, name="other"), wishes=wishes[:1])
    )
    found = [[r.wish.run_key for r in made or ()] for made in (first, second, foreign)]
    assert found == [["a", "b", None, None], [None, None], ["a"]]
    assert len({r.run_id for made in (first, second, foreign) for r in made or ()}) == 7


async def test_a_failure_keeps_cursor_and_counts(stores: Stores) -> None:
    await stores.instigators.commit_tick(outcome(cursor="1"))
    for minutes in (1, 2):
        await stores.instigators.commit_tick(
            outcome(
                at=NOW + timedelta(minutes=minutes),
                status=TickStatus.FAILURE,
                error="boom",
                cursor="2",
            )
        )
    state = await stores.instigators.get_state(SENSOR)
    assert (state.cursor, state.failures) == ("1", 2)
    await stores.instigators.commit_tick(outcome(at=NOW + timedelta(minutes=3)))
    assert (await stores.instigators.get_state(SENSOR)).failures == 0


async def test_a_refused_request_makes_its_tick_a_failure(stores: Stores) -> None:
    requests = await stores.instigators.commit_tick(outcome(wishes=(RunWish(), RunWish())))
    assert requests is not None
    await stores.instigators.settle_requests(
        [
            replace(requests[0], status=RequestStatus.LAUNCHED),
            replace(requests[1], status=RequestStatus.REFUSED, message="no such job"),
        ]
    )
    [tick] = await stores.instigators.list_ticks(SENSOR, limit=1)
    assert (tick.status, tick.error) == (TickStatus.FAILURE, "no such job")
    assert await stores.instigators.pending_requests(10) == []


async def test_ticks_are_paged_by_their_time(stores: Stores) -> None:
    moments = [NOW + timedelta(minutes=n) for n in range(5)]
    for index, at in enumerate(moments):
        status = TickStatus.SKIPPED if index % 2 else TickStatus.SUCCESS
        await stores.instigators.commit_tick(outcome(at=at, status=status))
    await stores.instigators.commit_tick(outcome(ref=SCHEDULE))
    first = await stores.instigators.list_ticks(SENSOR, limit=2)
    rest = await stores.instigators.list_ticks(SENSOR, limit=9, before=first[-1].at)
    skipped = await stores.instigators.list_ticks(SENSOR, limit=9, statuses=[TickStatus.SKIPPED])
    assert [tick.at for tick in [*first, *rest]] == moments[::-1]
    assert [tick.at for tick in skipped] == [moments[3], moments[1]]


async def test_a_started_tick_is_shown_until_it_ends(stores: Stores) -> None:
    await stores.instigators.put_started(SENSOR, NOW, NOW)
    [tick] = await stores.instigators.unfinished_ticks()
    assert (tick.status, tick.ended_at) == (TickStatus.STARTED, None)
    assert await stores.instigators.commit_tick(outcome()) == []
    await stores.instigators.put_started(SENSOR, NOW, NOW)
    assert await stores.instigators.unfinished_ticks() == []


@pytest.mark.parametrize("ref", [SENSOR, SCHEDULE])
async def test_starting_anew_forgets_ticks_not_cursors(stores: Stores, ref: InstigatorRef) -> None:
    """Ticks of a schedule before its start are dealt with; what a sensor has seen stays seen."""
    await stores.instigators.commit_tick(outcome(ref=ref, cursor="7"))
    later = NOW + timedelta(days=3)
    await stores.instigators.put_running(ref, running_since=None, timing="")
    await stores.instigators.put_running(ref, running_since=later, timing="0 6 * * * UTC")
    state = await stores.instigators.get_state(ref)
    assert state.position_at == (later if ref.kind is Kind.SCHEDULE else NOW)
    assert (state.cursor, state.running_since) == ("7", later)


async def test_a_toggle_and_a_cursor_are_set_and_taken_back(stores: Stores) -> None:
    await stores.instigators.put_toggle(SENSOR, Toggle.STOPPED)
    await stores.instigators.put_cursor(SENSOR, "x")
    [state] = await stores.instigators.states()
    assert (state.toggle, state.cursor) == (Toggle.STOPPED, "x")
    await stores.instigators.put_toggle(SENSOR, None)
    await stores.instigators.put_cursor(SENSOR, None)
    [state] = await stores.instigators.states()
    assert (state.toggle, state.cursor) == (None, None)
