"""The reconciler: one pass at a time for an object, wakes merged, failures alone to themselves."""

from __future__ import annotations

import asyncio

import pytest

from opweave_operator.handlers import reconciler
from opweave_operator.handlers.reconciler import Reconciler


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "FIRST_RETRY_SECONDS", 0.001)


class Passes:
    """Counts passes and holds them until told."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.started = asyncio.Semaphore(0)
        self.may_end = asyncio.Event()
        self.under_way = 0
        self.most_under_way = 0

    async def reconcile(self, namespace: str, name: str) -> float:
        self.names.append(name)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.started.release()
        await self.may_end.wait()
        self.under_way -= 1
        return 0


async def test_wakes_during_a_pass_make_one_more() -> None:
    passes = Passes()
    loop = Reconciler("Job", passes.reconcile)
    loop.wake("ns", "a")
    await passes.started.acquire()
    for _ in range(5):
        loop.wake("ns", "a")
    passes.may_end.set()
    await passes.started.acquire()
    await loop.close()
    assert passes.names == ["a", "a"]
    assert passes.most_under_way == 1


async def test_one_that_fails_is_tried_again_and_stops_no_other() -> None:
    tried: list[str] = []
    done = asyncio.Event()

    async def reconcile(namespace: str, name: str) -> float:
        tried.append(name)
        if name == "poison" and tried.count("poison") < 3:
            raise ValueError("poison")
        if tried.count("poison") >= 3 and "good" in tried:
            done.set()
        return 0

    loop = Reconciler("Job", reconcile)
    loop.wake("ns", "poison")
    loop.wake("ns", "good")
    async with asyncio.timeout(10):
        await done.wait()
    await loop.close()
    assert tried.count("poison") == 3
    assert tried.count("good") == 1


async def test_a_pass_says_when_to_look_again() -> None:
    looks = asyncio.Semaphore(0)

    async def reconcile(namespace: str, name: str) -> float:
        looks.release()
        return 0.001

    loop = Reconciler("Job", reconcile)
    loop.wake("ns", "a")
    async with asyncio.timeout(10):
        for _ in range(3):
            await looks.acquire()
    await loop.close()
