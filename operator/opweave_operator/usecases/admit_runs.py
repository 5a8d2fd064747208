"""Take runs from the queue as far as the limits allow.

Called by the engine when a run is enqueued or has ended, and on its slow timer; one call at a time. The queue is kept in
memory, so that a long one is not read again whenever a run ends; it is read anew now and then, because others may change
it. What is in memory only proposes: the store decides again on what is stored, under the lock of the queue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.core import decide, model, run_queue, run_state

LimitsSource = Callable[[], Awaitable[run_queue.QueueLimits]]

MAX_ACTIVE_READ = 10_000
"""More active runs than this are not counted: far above what one controller drives."""

_NO_PLAN = wire_plan.RunPlan(job="", steps=())

BATCH_SIZE = 100
"""Runs admitted in one transaction: few transactions, and ingest waits for none of them long."""

REREAD_SECONDS = 10.0
"""What another process changed in the queue without this one hearing of it is seen after this."""


class RunAdmitter:
    """Admits runs.

    Args:
        runs: Where the queue is.
        clock: For the moment of admission.
        limits: What holds runs back.
    """

    def __init__(self, *, runs: ports.RunStore, clock: ports.Clock, limits: LimitsSource) -> None:
        self._runs = runs
        self._clock = clock
        self._limits = limits
        self._queue: dict[model.RunId, model.Run] = {}
        self._noted_during_read: dict[model.RunId, model.Run] = {}
        self._read_at: float | None = None

    def note(self, run: model.Run) -> None:
        """Take note of a run as it is stored now: it enters the queue in memory or leaves it."""
        self._noted_during_read[run.id] = run
        self._put(run)

    async def admit(self) -> tuple[model.RunId, ...]:
        """Admit what may start; note on the others why they wait; return the admitted."""
        await self._read_when_old()
        if not self._queue:
            return ()
        limits = await self._limits()
        admission = run_queue.select(list(self._queue.values()), await self._active(), limits)
        admitted: list[model.RunId] = []
        for start in range(0, len(admission.admitted), BATCH_SIZE):
            batch = admission.admitted[start : start + BATCH_SIZE]
            admitted += await self._admit_batch(batch, limits)
        await self._note_reasons(admission)
        return tuple(admitted)

    async def _admit_batch(
        self, batch: Sequence[model.RunId], limits: run_queue.QueueLimits
    ) -> list[model.RunId]:
        def choose(
            queued: Sequence[model.Run], active: Sequence[model.Run]
        ) -> tuple[model.RunId, ...]:
            willing = [run for run in queued if run.cancel_requested_at is None]
            return run_queue.select(willing, active, limits).admitted

        now = self._clock.now()
        admitted = await self._runs.admit(batch, choose, lambda state: decide.admit(state, now))
        for run_id in admitted:
            self._queue.pop(run_id, None)
        if len(admitted) < len(batch):
            self._read_at = None  # the queue in memory was wrong about some of them
        return admitted

    async def _note_reasons(self, admission: run_queue.Admission) -> None:
        news = {
            run_id: reason
            for run_id, reason in admission.waiting.items()
            if (run := self._queue.get(run_id)) is not None and run.queued_reason != reason
        }
        if not news:
            return
        await self._runs.note_queued(news)
        for run_id, reason in news.items():
            if run_id in self._queue:
                self._queue[run_id] = replace(self._queue[run_id], queued_reason=reason)

    async def _active(self) -> list[model.Run]:
        where = ports.RunFilter(statuses=tuple(run_state.ACTIVE))
        return await self._runs.list_runs(where, limit=MAX_ACTIVE_READ)

    async def _read_when_old(self) -> None:
        now = self._clock.now().timestamp()
        if self._read_at is not None and 0 <= now - self._read_at < REREAD_SECONDS:
            return
        self._noted_during_read = {}
        queued = await self._runs.queued()
        self._queue = {run.id: run for run in queued if run.cancel_requested_at is None}
        for run in self._noted_during_read.values():
            self._put(run)
        self._read_at = now

    def _put(self, run: model.Run) -> None:
        if run.status is model.RunStatus.QUEUED and run.cancel_requested_at is None:
            self._queue[run.id] = replace(run, plan=_NO_PLAN, worker_template={})
        else:
            self._queue.pop(run.id, None)
