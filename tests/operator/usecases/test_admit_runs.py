"""Admission over real storage: what leaves the queue, and what is said of what stays."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta

from opweave_operator.core import model, run_queue
from opweave_operator.usecases import admit_runs
from opweave_operator.usecases.admit_runs import RunAdmitter
from run_builders import NOW, a_run, set_run
from support.api_world import World


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        """Return the set time."""
        return self.time


class Queue:
    """An admitter over *world* and what it is told."""

    def __init__(self, world: World, **limits: object) -> None:
        self.store = world.stores.runs
        self.clock = HandClock()
        self.limits = run_queue.QueueLimits(**limits)  # type: ignore[arg-type]  # real fields
        self.admitter = RunAdmitter(runs=self.store, clock=self.clock, limits=self._limits)

    async def _limits(self) -> run_queue.QueueLimits:
        return self.limits

    async def enqueue(self, minute: int = 0, **changes: object) -> model.RunId:
        """Store a queued run of which the admitter is not told."""
        run = a_run("only", minute=minute, **{"status": model.RunStatus.QUEUED, **changes})
        await self.store.create(run, [])
        return run.id

    async def run(self, run_id: model.RunId) -> model.Run:
        """Return the run as stored."""
        state = await self.store.load(run_id)
        assert state is not None
        return state.run


async def test_runs_beyond_the_limit_wait_and_say_why(world: World) -> None:
    """The oldest start; the end of one makes room for the next."""
    queue = Queue(world, max_concurrent_runs=2)
    first, second, third = [await queue.enqueue(minute) for minute in range(3)]
    assert (first, second) == await queue.admitter.admit()
    waiting = await queue.run(third)
    assert "2 runs are active, the instance's limit is 2" == waiting.queued_reason
    await queue.store.transact(first, set_run(status=model.RunStatus.SUCCESS))
    assert (third,) == await queue.admitter.admit()
    assert "" == (await queue.run(third)).queued_reason


async def test_a_run_that_is_noted_is_admitted_without_reading_the_queue_again(
    world: World,
) -> None:
    """And one that nobody noted is found when the queue is read anew."""
    queue = Queue(world)
    assert () == await queue.admitter.admit()
    noted, unnoted = await queue.enqueue(), await queue.enqueue(1)
    queue.admitter.note(await queue.run(noted))
    assert (noted,) == await queue.admitter.admit()
    queue.clock.time += timedelta(seconds=admit_runs.REREAD_SECONDS)
    assert (unnoted,) == await queue.admitter.admit()


async def test_a_run_whose_cancellation_is_not_known_yet_is_not_admitted(world: World) -> None:
    """The queue in memory is old; the store decides."""
    queue = Queue(world, max_concurrent_runs=0)
    run_id = await queue.enqueue()
    await queue.admitter.admit()
    await queue.store.transact(run_id, set_run(cancel_requested_at=NOW))
    queue.limits = replace(queue.limits, max_concurrent_runs=1)
    assert () == await queue.admitter.admit()
    assert model.RunStatus.QUEUED == (await queue.run(run_id)).status


async def test_more_runs_than_one_batch_are_admitted_in_order(world: World) -> None:
    """Each once."""
    queue = Queue(world)
    count = admit_runs.BATCH_SIZE + 5
    run_ids = [await queue.enqueue(minute) for minute in range(count)]
    assert tuple(run_ids) == await queue.admitter.admit()
    assert () == await queue.admitter.admit()


def test_a_decision_over_ten_thousand_queued_runs_is_quick() -> None:
    """With limits on tags; generous beside the goal of 20 ms, since machines differ."""
    run = a_run("only", status=model.RunStatus.QUEUED)
    queued = [
        replace(run, id=model.RunId(f"{n:026d}"), tags={"team": str(n % 50)}) for n in range(10_000)
    ]
    tag_limits = (run_queue.TagLimit(key="team", value=None, limit=3),)
    limits = run_queue.QueueLimits(max_concurrent_runs=500, tag_limits=tag_limits)
    began = time.process_time()
    admission = run_queue.select(queued, [], limits)
    took = time.process_time() - began
    assert 150 == len(admission.admitted)
    assert took < 0.2
