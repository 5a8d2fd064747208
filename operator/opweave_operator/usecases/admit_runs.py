"""Take runs from the queue as far as the limits allow.

Called by the engine when a run is enqueued or has ended, and on its slow timer. One admission at a time: the engine
holds a lock around it, and only one engine is active.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from opweave_operator import ports
from opweave_operator.core import decide, model, run_queue, run_state

LimitsSource = Callable[[], Awaitable[run_queue.QueueLimits]]

MAX_ACTIVE_READ = 10_000
"""More active runs than this are not counted: far above what one controller drives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAdmitter:
    """The parts that admission needs."""

    runs: ports.RunStore
    clock: ports.Clock
    limits: LimitsSource

    async def admit(self) -> tuple[model.RunId, ...]:
        """Admit what may start; note on the others why they wait; return the admitted."""
        queued = [run for run in await self.runs.queued() if run.cancel_requested_at is None]
        if not queued:
            return ()
        active = await self.runs.list_runs(
            ports.RunFilter(statuses=tuple(run_state.ACTIVE)), limit=MAX_ACTIVE_READ
        )
        admission = run_queue.select(queued, active, await self.limits())
        for run_id in admission.admitted:
            await self.runs.transact(run_id, lambda state: decide.admit(state, self.clock.now()))
        for run in queued:
            reason = admission.waiting.get(run.id)
            if reason and reason != run.queued_reason:
                await self.runs.transact(run.id, _note(reason))
        return admission.admitted


def _note(reason: str) -> ports.StateFunction:
    def change(state: model.RunState) -> model.Decision:
        if state.run.status is not model.RunStatus.QUEUED:
            return model.Decision(state=state)
        return model.Decision(state=replace(state, run=replace(state.run, queued_reason=reason)))

    return change
