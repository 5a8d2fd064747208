"""Drive one run towards its end: observe, decide, commit, apply, until nothing is left to do.

Called by the engine's loop (`engine.RunEngine`) for one run at a time. Every pass is complete in itself: a process that
dies anywhere in it leaves a state from which the next pass goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from opweave_operator import ports
from opweave_operator.core import decide, model, run_state

MAX_PASSES = 50
"""Passes in a row for one run; each follows effects that were applied, so a run that needs more has a fault in it."""

_log = logging.getLogger(__name__)

PolicySource = Callable[[], Awaitable[model.EnginePolicy]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAdvancer:
    """The parts that driving a run needs.

    Attributes:
        observe_handoff: Told the seconds from the moment a step could run to the start of its first worker.
    """

    runs: ports.RunStore
    executor: ports.Executor
    clock: ports.Clock
    policy: PolicySource
    observe_handoff: Callable[[float], None] = lambda _: None

    async def advance(self, run_id: model.RunId) -> model.Run | None:
        """Bring the run as far as it can go now; return it, or None when it does not exist."""
        policy = await self.policy()
        for _ in range(MAX_PASSES):
            state = await self.runs.load(run_id)
            if state is None:
                await self.executor.release_unknown(run_id)
                return None
            decision = await self._decide(state, policy)
            if decision is None:
                return None
            is_done = await self._apply(decision, policy)
            if is_done:
                return decision.state.run
        _log.error("run_does_not_settle", extra={"run_id": run_id, "passes": MAX_PASSES})
        return None

    async def _decide(
        self, state: model.RunState, policy: model.EnginePolicy
    ) -> model.Decision | None:
        """Decide on the stored state under its lock, with an observation that covers what the run waits for."""
        observation = model.Observation()
        if state.run.status is not model.RunStatus.QUEUED:
            observation = await self.executor.observe(state.run, expected_workers(state))

        def change(current: model.RunState) -> model.Decision:
            return decide.decide(current, observation, self.clock.now(), policy)

        return await self.runs.transact(state.run.id, change)

    async def _apply(self, decision: model.Decision, policy: model.EnginePolicy) -> bool:
        """Apply the effects of *decision*; return whether no further pass is due."""
        effects = decision.effects
        state = decision.state
        starts = [e for e in effects if isinstance(e, model.StartWorker)]
        if starts:
            await asyncio.gather(*(self._start(state, effect) for effect in starts))
        rest = [e for e in effects if not isinstance(e, model.StartWorker)]
        await asyncio.gather(*(self._apply_one(state, effect, policy) for effect in rest))
        return not effects

    async def _start(self, state: model.RunState, effect: model.StartWorker) -> None:
        step = state.steps[effect.step_key]
        attempt = next(a for a in step.attempts if a.number == effect.attempt)
        try:
            await self.executor.start(state.run, step, attempt)
        except ports.StartRefused as refused:
            reason, message, is_permanent = refused.reason, refused.message, refused.is_permanent

            def change(current: model.RunState) -> model.Decision:
                return decide.refuse_start(
                    current,
                    effect.step_key,
                    effect.attempt,
                    self.clock.now(),
                    reason=reason,
                    message=message,
                    is_permanent=is_permanent,
                )

            await self.runs.transact(state.run.id, change)
        else:
            if attempt.moments.ready_at is not None and attempt.number == 1:
                waited = self.clock.now() - attempt.moments.ready_at
                self.observe_handoff(waited.total_seconds())

    async def _apply_one(
        self, state: model.RunState, effect: model.Effect, policy: model.EnginePolicy
    ) -> None:
        run = state.run
        if isinstance(effect, model.StopWorker):
            await self.executor.stop(run, effect.step_key, effect.attempt, effect.grace_seconds)
        elif isinstance(effect, model.ReleaseWorker):
            await self.executor.release(run, effect.step_key, effect.attempt)
        elif isinstance(effect, model.PublishRun):
            await self.executor.publish(state, policy)
            if run.status in run_state.FINISHED:
                await self.runs.transact(
                    run.id, lambda current: decide.mark_published(current, self.clock.now())
                )


def expected_workers(state: model.RunState) -> list[tuple[model.StepKey, int]]:
    """Return the attempts about whose workers the engine must be sure: open ones and those not yet released."""
    return [
        (step.key, attempt.number)
        for step in state.steps.values()
        for attempt in step.attempts
        if attempt.is_open or not attempt.is_released
    ]
