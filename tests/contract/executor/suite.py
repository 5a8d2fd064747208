"""What every `ports.Executor` must do; run over each adapter by a module that provides the fixture ``executor_harness``.

Use, in a module ``test_<adapter>.py`` of this directory (``tests`` is on the path of imports)::

    from contract.executor import suite

    class TestLocal(suite.ExecutorContract): ...

with a fixture (async, function or module scope) that returns an `ExecutorHarness`. Workers of the harness's runs execute
``step_double.py`` instead of the runtime: it becomes the module ``opweave`` of the worker (a file ``opweave.py`` in a
directory on its PYTHONPATH), and the step's key says what it does. No worker of the suite reports to ingest, so the suite
sees the executor alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.core import ids, model
from opweave_operator.core.model import WorkerPhase

STEP_DOUBLE = Path(__file__).with_name("step_double.py")
LIMIT_SECONDS = 60.0

Change = Callable[[model.Worker], bool]


class ExecutorHarness(Protocol):
    """What a test module gives to the suite."""

    executor: ports.Executor
    """Running: its watches, if it has any, are under way; it has no other reader of ``changes()``."""

    def worker_template(self) -> dict[str, object]:
        """Return the worker template with which steps run the double."""
        ...

    def location(self) -> model.LocationRef:
        """Return the location of the runs."""
        ...


class Watcher:
    """Follows an executor's changes and waits for a worker to be as wanted, without polling on time."""

    def __init__(self, executor: ports.Executor) -> None:
        self.executor = executor
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[Watcher]:
        """Follow until left."""
        task = asyncio.create_task(self._follow())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self) -> None:
        async for _ in self.executor.changes():
            async with self._changed:
                self._changed.notify_all()

    async def until(
        self, run: model.Run, key: str, wanted: Change, *, attempt: int = 1
    ) -> model.Worker:
        """Return the worker once *wanted* holds; fails after `LIMIT_SECONDS` with what was seen last."""
        name = (model.StepKey(key), attempt)
        seen: model.Worker | None = None
        try:
            async with asyncio.timeout(LIMIT_SECONDS), self._changed:
                while True:
                    seen = (await self.executor.observe(run, [name])).workers[name]
                    if wanted(seen):
                        return seen
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no change to what was wanted; last seen: {seen}") from None

    async def ended(self, run: model.Run, key: str, *, attempt: int = 1) -> model.Worker:
        """Return the worker once it has ended."""
        return await self.until(run, key, lambda w: w.phase is WorkerPhase.ENDED, attempt=attempt)

    async def running(self, run: model.Run, key: str) -> model.Worker:
        """Return the worker once it runs."""
        return await self.until(run, key, lambda w: w.phase is WorkerPhase.RUNNING)


def new_run(harness: ExecutorHarness, *keys: str) -> model.Run:
    """Return a run with a step for each of *keys*."""
    now = datetime.now(UTC)
    return model.Run(
        id=ids.new_run_id(now, secrets.token_bytes(10)),
        location=harness.location(),
        job="contract_suite",
        status=model.RunStatus.STARTING,
        plan=wire_plan.RunPlan(
            job="contract_suite",
            steps=tuple(wire_plan.PlannedStep(key=key, op=key) for key in keys),
        ),
        created_at=now,
        dequeued_at=now,
        worker_template=harness.worker_template(),
    )


def step_of(run: model.Run, key: str) -> model.Step:
    """Return the step with *key*, ready to start."""
    index = next(i for i, planned in enumerate(run.plan.steps) if planned.key == key)
    return model.Step(key=model.StepKey(key), index=index, status=model.StepStatus.STARTING)


async def start(executor: ports.Executor, run: model.Run, key: str, attempt: int = 1) -> None:
    """Start an attempt."""
    await executor.start(run, step_of(run, key), model.Attempt(number=attempt))


class ExecutorContract:
    """The cases. Derive a class whose name begins with ``Test``."""

    async def test_a_started_worker_is_seen_at_once(
        self, executor_harness: ExecutorHarness
    ) -> None:
        """The observation after ``start`` holds the worker: no second start is decided for want of news."""
        executor, run = executor_harness.executor, new_run(executor_harness, "succeeds")
        await start(executor, run, "succeeds")
        name = (model.StepKey("succeeds"), 1)
        worker = (await executor.observe(run, [name])).workers[name]
        assert worker.phase is not WorkerPhase.ABSENT
        assert worker.worker_id
        assert worker.name
        assert worker.created_at is not None
        async with Watcher(executor).following() as watcher:
            await finish(watcher, run, "succeeds")

    async def test_an_attempt_that_was_never_started_is_absent(
        self, executor_harness: ExecutorHarness
    ) -> None:
        executor, run = executor_harness.executor, new_run(executor_harness, "succeeds")
        name = (model.StepKey("succeeds"), 1)
        observation = await executor.observe(run, [name])
        assert observation.workers[name].phase is WorkerPhase.ABSENT
        assert not observation.is_object_gone

    async def test_success_is_exit_code_0(self, executor_harness: ExecutorHarness) -> None:
        run = new_run(executor_harness, "succeeds")
        async with Watcher(executor_harness.executor).following() as watcher:
            await start(watcher.executor, run, "succeeds")
            worker = await watcher.ended(run, "succeeds")
            assert worker.exit_code == 0
            assert not worker.is_infrastructure
            await finish(watcher, run, "succeeds")

    async def test_an_exit_code_is_kept(self, executor_harness: ExecutorHarness) -> None:
        run = new_run(executor_harness, "exits_3")
        async with Watcher(executor_harness.executor).following() as watcher:
            await start(watcher.executor, run, "exits_3")
            worker = await watcher.ended(run, "exits_3")
            assert worker.exit_code == 3
            assert not worker.is_infrastructure
            await finish(watcher, run, "exits_3")

    async def test_the_termination_message_is_kept(self, executor_harness: ExecutorHarness) -> None:
        run = new_run(executor_harness, "tells")
        async with Watcher(executor_harness.executor).following() as watcher:
            await start(watcher.executor, run, "tells")
            worker = await watcher.ended(run, "tells")
            assert worker.termination_message == f"{run.id} was here"
            await finish(watcher, run, "tells")

    async def test_starting_twice_makes_one_worker(self, executor_harness: ExecutorHarness) -> None:
        executor, run = executor_harness.executor, new_run(executor_harness, "waits")
        async with Watcher(executor).following() as watcher:
            await start(executor, run, "waits")
            first = await watcher.running(run, "waits")
            await start(executor, run, "waits")
            again = await watcher.running(run, "waits")
            assert first.worker_id == again.worker_id
            await finish(watcher, run, "waits")

    async def test_attempts_are_workers_of_their_own(
        self, executor_harness: ExecutorHarness
    ) -> None:
        run = new_run(executor_harness, "exits_3")
        async with Watcher(executor_harness.executor).following() as watcher:
            await start(watcher.executor, run, "exits_3", 1)
            await start(watcher.executor, run, "exits_3", 2)
            first = await watcher.ended(run, "exits_3", attempt=1)
            second = await watcher.ended(run, "exits_3", attempt=2)
            assert first.worker_id != second.worker_id
            await finish(watcher, run, "exits_3", attempt=1)
            await finish(watcher, run, "exits_3", attempt=2)

    async def test_stop_ends_a_worker(self, executor_harness: ExecutorHarness) -> None:
        run = new_run(executor_harness, "waits")
        async with Watcher(executor_harness.executor).following() as watcher:
            await start(watcher.executor, run, "waits")
            await watcher.running(run, "waits")
            await watcher.executor.stop(run, model.StepKey("waits"), 1, 20)
            worker = await watcher.ended(run, "waits")
            assert worker.exit_code not in (None, 0)
            await watcher.executor.stop(run, model.StepKey("waits"), 1, 20)
            await finish(watcher, run, "waits")

    async def test_stop_without_grace_ends_a_worker_that_resists(
        self, executor_harness: ExecutorHarness
    ) -> None:
        run = new_run(executor_harness, "resists")
        async with Watcher(executor_harness.executor).following() as watcher:
            await start(watcher.executor, run, "resists")
            await watcher.running(run, "resists")
            await watcher.executor.stop(run, model.StepKey("resists"), 1, 0)
            await watcher.until(
                run, "resists", lambda w: w.phase in (WorkerPhase.ENDED, WorkerPhase.ABSENT)
            )
            await finish(watcher, run, "resists")

    async def test_a_worker_is_held_until_it_is_released(
        self, executor_harness: ExecutorHarness
    ) -> None:
        """What it left behind stays readable until the outcome is recorded, then it is let go, once and again."""
        executor, run = executor_harness.executor, new_run(executor_harness, "exits_3")
        async with Watcher(executor).following() as watcher:
            await start(executor, run, "exits_3")
            assert (await watcher.ended(run, "exits_3")).is_held
            await executor.release(run, model.StepKey("exits_3"), 1)
            await executor.release(run, model.StepKey("exits_3"), 1)
            name = (model.StepKey("exits_3"), 1)
            assert not (await executor.observe(run, [name])).workers[name].is_held

    async def test_stopping_and_releasing_what_never_was_is_no_error(
        self, executor_harness: ExecutorHarness
    ) -> None:
        executor, run = executor_harness.executor, new_run(executor_harness, "succeeds")
        await executor.stop(run, model.StepKey("succeeds"), 1, 0)
        await executor.release(run, model.StepKey("succeeds"), 1)

    async def test_every_state_of_a_run_can_be_published(
        self, executor_harness: ExecutorHarness
    ) -> None:
        executor, run = executor_harness.executor, new_run(executor_harness, "succeeds", "exits_3")
        policy = model.EnginePolicy()
        await executor.publish(state_of(run, model.RunStatus.CANCELED), policy)
        async with Watcher(executor).following() as watcher:
            await start(executor, run, "succeeds")
            await executor.publish(state_of(run, model.RunStatus.STARTED), policy)
            await watcher.ended(run, "succeeds")
            await finish(watcher, run, "succeeds")
            await executor.publish(state_of(run, model.RunStatus.FAILURE), policy)
            await executor.publish(state_of(run, model.RunStatus.FAILURE), policy)


def state_of(run: model.Run, status: model.RunStatus) -> model.RunState:
    """Return the state of *run* with its steps as they are when the run has *status*."""
    by_status = {
        model.RunStatus.STARTED: model.StepStatus.RUNNING,
        model.RunStatus.SUCCESS: model.StepStatus.SUCCESS,
        model.RunStatus.FAILURE: model.StepStatus.FAILURE,
        model.RunStatus.CANCELED: model.StepStatus.CANCELED,
    }
    ended_at = None if status is model.RunStatus.STARTED else datetime.now(UTC)
    changed = replace(run, status=status, ended_at=ended_at)
    return model.RunState(
        run=changed,
        steps={
            model.StepKey(planned.key): model.Step(
                key=model.StepKey(planned.key), index=index, status=by_status[status]
            )
            for index, planned in enumerate(run.plan.steps)
        },
    )


async def finish(watcher: Watcher, run: model.Run, key: str, *, attempt: int = 1) -> None:
    """Leave nothing behind: end the worker and let go of it."""
    await watcher.executor.stop(run, model.StepKey(key), attempt, 0)
    await watcher.until(
        run,
        key,
        lambda w: w.phase in (WorkerPhase.ENDED, WorkerPhase.ABSENT),
        attempt=attempt,
    )
    await watcher.executor.release(run, model.StepKey(key), attempt)
