"""Which ticks are due: on time, late, missed, with the clock in any direction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave_operator.core import ticks
from opweave_operator.core.cron import Cron
from opweave_operator.core.ticks import CatchUp, DuePolicy

HOURLY = Cron(["0 * * * *"])
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def hours(found: list[datetime]) -> list[int]:
    return [tick.hour for tick in found]


@pytest.mark.parametrize(
    ("catch_up", "deadline", "expected"),
    [
        (CatchUp.NONE, None, []),
        (CatchUp.LATEST, None, [12]),
        (CatchUp.LATEST, 600, []),
        (CatchUp.ALL, None, [9, 10, 11, 12]),
        (CatchUp.ALL, 7200, [11, 12]),
    ],
)
def test_missed_ticks_are_made_up_for_as_the_policy_says(
    catch_up: CatchUp, deadline: int | None, expected: list[int]
) -> None:
    """The operator was away from 08:00 to 12:30."""
    policy = DuePolicy(catch_up=catch_up, deadline_seconds=deadline)
    position, now = NOON - timedelta(hours=4), NOON + timedelta(minutes=30)
    assert hours(ticks.due(HOURLY, position, now, policy)) == expected


@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_a_tick_that_is_only_late_is_not_missed(catch_up: CatchUp) -> None:
    policy = DuePolicy(catch_up=catch_up, deadline_seconds=10)
    now = NOON + timedelta(seconds=40)
    assert ticks.due(HOURLY, NOON - timedelta(hours=1), now, policy) == [NOON]


def test_a_clock_that_goes_back_makes_nothing_due_twice() -> None:
    now = NOON - timedelta(minutes=90)
    assert ticks.due(HOURLY, NOON, now, DuePolicy(catch_up=CatchUp.ALL)) == []


def test_a_clock_that_was_far_ahead_silences_nothing() -> None:
    ahead = NOON + timedelta(days=365)
    assert ticks.position_in_force(ahead, NOON) <= NOON + timedelta(minutes=1)


def test_all_is_bounded_to_the_newest() -> None:
    minutely = Cron(["* * * * *"])
    policy = DuePolicy(catch_up=CatchUp.ALL, deadline_seconds=31_536_000)
    found = ticks.due(minutely, NOON - timedelta(days=30), NOON, policy)
    assert (len(found), found[-1]) == (ticks.MOST_MADE_UP, NOON)


@given(
    st.lists(st.integers(1, 20_000), min_size=1, max_size=30),
    st.sampled_from([CatchUp.ALL, CatchUp.LATEST, CatchUp.NONE]),
)
def test_no_tick_is_due_twice_and_none_is_lost_while_somebody_looks(
    waits: list[int], catch_up: CatchUp
) -> None:
    """Looks follow each other after any number of seconds; ALL finds every tick of a day, the others never one twice."""
    cron, policy = Cron(["*/7 * * * *"]), DuePolicy(catch_up=catch_up, deadline_seconds=86_400)
    position = now = NOON
    found: list[datetime] = []
    for wait in waits:
        now += timedelta(seconds=wait)
        fresh = ticks.due(cron, position, now, policy)
        found += fresh
        position = max([position, *fresh])
    every = list(cron.between(NOON, now))
    assert sorted(set(found)) == found
    assert set(found) <= set(every)
    if catch_up is CatchUp.ALL:
        assert found == every
    short = all(wait < 60 for wait in waits)
    if short:
        assert found == every
