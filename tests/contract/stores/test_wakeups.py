"""What every `ports.WakeUps` promises, and that the stores use it for all they commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.storage import Stores
from run_builders import EXTRACT, NOW, a_run, append, reported, request_attempt, set_run


async def heard(listener: AsyncIterator[model.RunId], count: int) -> list[str]:
    """Return the next *count* ids that *listener* yields."""
    async with asyncio.timeout(10):
        return [await anext(listener) for _ in range(count)]


async def test_every_listener_hears_each_run(stores: Stores) -> None:
    first, second = stores.wakeups.listen(), stores.wakeups.listen()
    for run_id in ("a", "b"):
        await stores.wakeups.notify(model.RunId(run_id))
    assert await heard(first, 2) == ["a", "b"]
    assert await heard(second, 2) == ["a", "b"]


async def test_what_was_told_often_meanwhile_is_heard_once(stores: Stores) -> None:
    listener = stores.wakeups.listen()
    for run_id in ("a", "b", "a", "a", "b"):
        await stores.wakeups.notify(model.RunId(run_id))
    await stores.wakeups.notify(model.RunId("end"))
    assert await heard(listener, 3) == ["a", "b", "end"]


async def test_a_listener_that_was_dropped_is_forgotten(stores: Stores) -> None:
    await stores.wakeups.notify(model.RunId("a"))
    listener = stores.wakeups.listen()
    del listener
    await stores.wakeups.notify(model.RunId("b"))


async def test_each_commit_wakes_and_nothing_else_does(stores: Stores) -> None:
    run = a_run()
    listener = stores.wakeups.listen()
    await stores.runs.create(run, [])
    assert await heard(listener, 1) == [run.id]
    await stores.runs.transact(run.id, request_attempt(EXTRACT))
    assert await heard(listener, 1) == [run.id]
    ref = ports.AttemptRef(run_id=run.id, step_key=EXTRACT, number=1)
    await stores.events.start_attempt(ref, worker_id="w", worker_name="", at=NOW)
    assert await heard(listener, 1) == [run.id]
    await append(stores, ref, reported(0))
    assert await heard(listener, 1) == [run.id]
    await append(stores, ref, reported(0))
    await stores.runs.transact(run.id, set_run())
    await stores.runs.create(run, [])
    await stores.wakeups.notify(model.RunId("end"))
    assert await heard(listener, 1) == ["end"]
