"""Ask a run to end. The wish is stored; the engine carries it out.

Called by the API. Asking twice is harmless, and a finished run is told to be so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from opweave.wire.attempt import EventType
from opweave_operator import ports
from opweave_operator.core import decide, model


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminationRequested:
    """The run will end; *is_new* is False when it had been asked before."""

    run: model.Run
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run has ended already."""

    run: model.Run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNotFound:
    """There is no such run."""

    run_id: str


TerminateResult = TerminationRequested | RunFinished | RunNotFound


class RunTerminator:
    """Asks runs to end."""

    def __init__(self, *, runs: ports.RunStore, clock: ports.Clock) -> None:
        self._runs = runs
        self._clock = clock

    async def terminate(self, run_id: model.RunId, requested_by: str = "") -> TerminateResult:
        """Note on the run that it shall end; *requested_by* stands in its log."""

        def change(state: model.RunState) -> model.Decision:
            now = self._clock.now()
            decision = decide.request_cancel(state, now)
            if decision.state.run == state.run:
                return decision
            event = model.NewEvent(
                type=EventType.ENGINE_EVENT,
                at=now,
                message=f"termination requested by {requested_by or 'somebody'}",
            )
            return replace(decision, events=(*decision.events, event))

        decision = await self._runs.transact(run_id, change)
        if decision is None:
            return RunNotFound(run_id=run_id)
        run = decision.state.run
        if decision.events:
            return TerminationRequested(run=run, is_new=True)
        if run.cancel_requested_at is not None and run.ended_at is None:
            return TerminationRequested(run=run, is_new=False)
        return RunFinished(run=run)
