"""The engine's loop: which run to look at, and when.

Wakes come from three sides: commits (ingest, launches, cancels), changes of workers, and a slow timer that makes up for
lost ones. A run is driven by one task at a time; wakes that arrive meanwhile are merged into one more pass.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from opweave_operator import ports
from opweave_operator.core import model, run_state
from opweave_operator.usecases.admit_runs import RunAdmitter
from opweave_operator.usecases.advance_run import RunAdvancer

SWEEP_SECONDS = 1.0
"""A lost wake-up costs at most this."""

MAX_CONCURRENT_RUNS_DRIVEN = 64
"""Runs that are being driven at one moment; each holds at most one database and one API call."""

_log = logging.getLogger(__name__)


class RunEngine:
    """Drives every unfinished run of the instance.

    Args:
        runs: Where they are stored.
        advancer: Drives one.
        admitter: Takes them from the queue.
        wakeups: Tells of commits.
        executor: Tells of workers.
        beat: Called after each sweep that went well; health checks look at its age.
    """

    def __init__(
        self,
        *,
        runs: ports.RunStore,
        advancer: RunAdvancer,
        admitter: RunAdmitter,
        wakeups: ports.WakeUps,
        executor: ports.Executor,
        beat: Callable[[], None],
    ) -> None:
        self._runs = runs
        self._advancer = advancer
        self._admitter = admitter
        self._wakeups = wakeups
        self._executor = executor
        self._beat = beat
        self._tasks: dict[model.RunId, asyncio.Task[None]] = {}
        self._again: set[model.RunId] = set()
        self._limit = asyncio.Semaphore(MAX_CONCURRENT_RUNS_DRIVEN)
        self._admission_due = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(self._wakeups.listen))
                group.create_task(self._follow(self._executor.changes))
                group.create_task(self._admit())
                group.create_task(self._sweep())
        finally:
            for task in list(self._tasks.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def wake(self, run_id: model.RunId) -> None:
        """Look at a run soon; merged with a look that is under way."""
        if run_id in self._tasks:
            self._again.add(run_id)
            return
        task = asyncio.create_task(self._drive(run_id))
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._done(run_id))

    def _done(self, run_id: model.RunId) -> None:
        self._tasks.pop(run_id, None)
        if run_id in self._again:
            self._again.discard(run_id)
            self.wake(run_id)

    async def _drive(self, run_id: model.RunId) -> None:
        try:
            async with self._limit:
                run = await self._advancer.advance(run_id)
            if run is not None:
                self._admitter.note(run)
                if run.status is model.RunStatus.QUEUED or run.status in run_state.FINISHED:
                    self._admission_due.set()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  # one run's trouble must not stop the others; the sweep tries again
            _log.exception("run_not_advanced", extra={"run_id": run_id})

    async def _admit(self) -> None:
        """Admit whenever it is due; what falls due meanwhile is merged into one more admission."""
        while True:
            await self._admission_due.wait()
            self._admission_due.clear()
            try:
                for run_id in await self._admitter.admit():
                    self.wake(run_id)
            except Exception:  # noqa: BLE001  # the sweep makes it due again
                _log.exception("admission_failed")

    async def _follow(self, source: Callable[[], AsyncIterator[model.RunId]]) -> None:
        while True:
            try:
                async for run_id in source():
                    self.wake(run_id)
            except Exception:  # noqa: BLE001  # the sweep covers what is missed until the source is back
                _log.exception("wake_source_failed", extra={"source": source.__qualname__})
            await asyncio.sleep(SWEEP_SECONDS)

    async def _sweep(self) -> None:
        while True:
            try:
                for run_id in await self._runs.unfinished():
                    if run_id not in self._tasks:
                        self.wake(run_id)
                self._admission_due.set()
                self._beat()
            except Exception:  # noqa: BLE001  # the database may be away; the beat's age tells
                _log.exception("sweep_failed")
            await asyncio.sleep(SWEEP_SECONDS)
