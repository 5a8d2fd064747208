"""What people see of a running run: at once when it is quiet, at a pace when it is not, and the last state always."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from opweave_operator.adapters.kubernetes import paced_status
from opweave_operator.core import model
from run_builders import a_run


def state(reason: str, run_id: str = "01jd7q0000000000000000000a") -> model.RunState:
    """Return a state that is told apart by its *reason*."""
    run = replace(a_run(), id=model.RunId(run_id), reason=reason)
    return model.RunState(run=run, steps={})


class Board:
    """Keeps what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.changed = asyncio.Event()

    async def show(self, state: model.RunState) -> None:
        self.shown.append(state.run.reason)
        self.changed.set()

    async def until(self, reason: str) -> None:
        """Wait until *reason* is the newest that was shown."""
        while not self.shown or self.shown[-1] != reason:
            self.changed.clear()
            await self.changed.wait()


@pytest.fixture(autouse=True)
def _quick_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_status, "PACE_SECONDS", 0.02)


async def test_the_first_state_of_a_quiet_run_is_shown_at_once() -> None:
    board = Board()
    status = paced_status.PacedStatus(board.show)
    await status.put(state("first"))
    assert ["first"] == board.shown
    await status.close()


async def test_of_many_states_the_last_is_shown_and_those_between_are_not() -> None:
    board = Board()
    status = paced_status.PacedStatus(board.show)
    for number in range(50):
        await status.put(state(str(number)))
    await board.until("49")
    assert ["0", "49"] == board.shown
    await status.close()


async def test_each_run_has_a_pace_of_its_own() -> None:
    board = Board()
    status = paced_status.PacedStatus(board.show)
    await status.put(state("one"))
    await status.put(state("other", "01jd7q0000000000000000000b"))
    assert ["one", "other"] == board.shown
    await status.close()


async def test_what_is_dropped_is_not_shown_over_the_end_of_the_run() -> None:
    board = Board()
    status = paced_status.PacedStatus(board.show)
    await status.put(state("first"))
    await status.put(state("late"))
    await status.drop(model.RunId("01jd7q0000000000000000000a"))
    other = state("other", "01jd7q0000000000000000000b")
    await status.put(other)
    await status.put(replace(other, run=replace(other.run, reason="other again")))
    await board.until("other again")
    assert "late" not in board.shown
    await status.close()


async def test_a_status_that_cannot_be_shown_does_not_keep_the_next_from_being_shown() -> None:
    board = Board()
    failures = ["held"]

    async def show(shown: model.RunState) -> None:
        if shown.run.reason in failures:
            failures.clear()
            board.changed.set()
            raise RuntimeError("the API server is away")
        await board.show(shown)

    status = paced_status.PacedStatus(show)
    await status.put(state("first"))
    await status.put(state("held"))
    while failures:
        board.changed.clear()
        await board.changed.wait()
    await status.put(state("next"))
    await board.until("next")
    await status.close()


async def test_the_end_of_a_run_is_shown_after_what_is_on_its_way() -> None:
    """A status that is being sent cannot arrive after the last one."""
    order: list[str] = []
    is_sending, may_arrive = asyncio.Event(), asyncio.Event()

    async def show(shown: model.RunState) -> None:
        if shown.run.reason == "late":
            is_sending.set()
            await may_arrive.wait()
        order.append(shown.run.reason)

    status = paced_status.PacedStatus(show)
    await status.put(state("first"))
    await status.put(state("late"))
    await is_sending.wait()

    async def end() -> None:
        await status.drop(model.RunId("01jd7q0000000000000000000a"))
        order.append("end")

    ending = asyncio.create_task(end())
    await asyncio.sleep(0)
    may_arrive.set()
    await ending
    assert ["first", "late", "end"] == order
    await status.close()
