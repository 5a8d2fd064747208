"""A run while a decision is being made of it: the next state and the events, collected step by step.

Lives only inside one call of a function of `decide`; nothing mutable leaves it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from opweave.wire.attempt import EventType
from opweave_operator.core import dynamic_steps, model, run_state, step_state
from opweave_operator.core.model import AttemptStatus
from opweave_operator.core.run_state import RunEvent
from opweave_operator.core.step_state import StepEvent

_EVENT_OF_OUTCOME = {
    AttemptStatus.SUCCESS: EventType.STEP_SUCCESS,
    AttemptStatus.FAILURE: EventType.STEP_FAILURE,
    AttemptStatus.LOST: EventType.STEP_UP_FOR_RETRY,
    AttemptStatus.CANCELED: EventType.STEP_CANCELED,
}

_EVENT_OF_END = {
    StepEvent.SKIPPED: EventType.STEP_SKIPPED,
    StepEvent.CANCELED: EventType.STEP_CANCELED,
    StepEvent.FAILED: EventType.STEP_FAILURE,
}


class Draft:
    """The next state of a run in the making."""

    def __init__(self, state: model.RunState, now: datetime) -> None:
        self.now = now
        self.run = state.run
        self.steps: dict[model.StepKey, model.Step] = dict(state.steps)
        self._events: list[model.NewEvent] = []

    @property
    def state(self) -> model.RunState:
        """The state as it stands."""
        return model.RunState(run=self.run, steps=self.steps)

    def decision(self, effects: tuple[model.Effect, ...]) -> model.Decision:
        """Return everything collected, with *effects*."""
        return model.Decision(state=self.state, events=tuple(self._events), effects=effects)

    def log(
        self,
        event_type: EventType,
        message: str,
        step: model.Step | None = None,
        attempt: model.Attempt | None = None,
        **payload: Any,
    ) -> None:
        """Add an event to the run's log."""
        self._events.append(
            model.NewEvent(
                type=event_type,
                at=self.now,
                message=message,
                step_key=step.key if step else None,
                attempt=attempt.number if attempt else None,
                payload=payload,
            )
        )

    def set_run(self, **changes: Any) -> None:
        """Change fields of the run other than its status."""
        self.run = replace(self.run, **changes)

    def move_run(self, event: RunEvent, **changes: Any) -> None:
        """Move the run along its life-cycle."""
        self.run = replace(self.run, status=run_state.advance(self.run.status, event), **changes)

    def put(self, step: model.Step) -> model.Step:
        """Replace a step; return it."""
        self.steps[step.key] = step
        return step

    def request_attempt(self, step: model.Step, ready_at: datetime) -> None:
        """Add a new attempt, whose worker an effect will start."""
        number = step.attempts[-1].number + 1 if step.attempts else 1
        moments = model.Moments(ready_at=ready_at, slot_at=self.now)
        self.put(
            replace(
                step,
                status=step_state.advance(step.status, StepEvent.ATTEMPT_REQUESTED),
                ready_at=ready_at,
                retry_at=None,
                reason="",
                message="",
                attempts=(*step.attempts, model.Attempt(number=number, moments=moments)),
            )
        )

    def settle(self, step: model.Step, outcome: model.Outcome) -> None:
        """Close the newest attempt of *step* and log how it ended."""
        newest = step.newest
        outcome = dynamic_steps.checked(self.run.plan, step.key, outcome)
        state = dynamic_steps.settle(self.state, step, outcome)
        self.run, self.steps = state.run, dict(state.steps)
        settled = self.steps[step.key]
        payload: dict[str, Any] = {"reason": outcome.reason, "source": outcome.source}
        if outcome.exit_code is not None:
            payload["exit_code"] = outcome.exit_code
        event_type = _EVENT_OF_OUTCOME[outcome.status]
        if outcome.status is AttemptStatus.LOST and self.run.cancel_requested_at is not None:
            event_type = EventType.ENGINE_EVENT  # nothing is retried any more
        self.log(event_type, outcome.message, settled, newest, **payload)

    def end_without_attempt(
        self, step: model.Step, event: StepEvent, reason: str, message: str
    ) -> None:
        """End a step that never had a worker."""
        ended = replace(
            step, status=step_state.advance(step.status, event), reason=reason, message=message
        )
        self.log(_EVENT_OF_END[event], message, self.put(ended), reason=reason)

    def end_active(self, step: model.Step, event: StepEvent, reason: str, message: str) -> None:
        """End a step whose attempts are all closed."""
        ended = replace(
            step,
            status=step_state.advance(step.status, event),
            reason=reason,
            message=message,
            retry_at=None,
        )
        self.log(_EVENT_OF_END[event], message, self.put(ended), step.newest, reason=reason)

    def note_waiting(self, step: model.Step, reason: str, message: str) -> None:
        """Say why a step does not run; only a new reason is logged, its wording may change silently."""
        if (step.waiting_reason, step.waiting_message) == (reason, message):
            return
        waiting = self.put(replace(step, waiting_reason=reason, waiting_message=message))
        if reason and reason != step.waiting_reason:
            self.log(
                EventType.ENGINE_EVENT,
                f"{step.key} waits: {message or reason}",
                waiting,
                step.newest,
                reason=reason,
            )


def with_newest(step: model.Step, attempt: model.Attempt) -> model.Step:
    """Return *step* with its newest attempt replaced; *step* itself when nothing differs."""
    if step.attempts[-1] == attempt:
        return step
    return replace(step, attempts=(*step.attempts[:-1], attempt))
