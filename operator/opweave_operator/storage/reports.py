"""What a report of a step process does to its run: pure, applied by the event store under the run's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec, message
from opweave_operator import ports
from opweave_operator.core import dynamic_steps, model, run_state, step_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A batch of events of one attempt, with what they mean for it."""

    ref: ports.AttemptRef
    events: Sequence[wire_attempt.Event]
    outcome: model.Outcome | None
    moments: model.Moments
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a report leads to: the run's next state, the events that are new, and the next expected number."""

    state: model.RunState
    events: Sequence[wire_attempt.Event]
    next_seq: int


def accept(state: model.RunState, report: Report) -> Accepted:
    """Apply *report* to the run.

    Raises:
        AttemptClosed: The attempt takes no more reports, and the events are not all stored already.
        SequenceGap: An event is missing before the first or between two.
    """
    step, attempt = find(state, report.ref)
    expected = attempt.next_seq
    if report.events and report.events[-1].seq < expected:
        return Accepted(state=state, events=(), next_seq=expected)
    _check_open(state, step, attempt, report.ref)
    fresh = [event for event in report.events if event.seq >= expected]
    for seq, event in enumerate(fresh, start=expected):
        if event.seq != seq:
            raise ports.SequenceGap(seq)
    moments = merge_moments(attempt.moments, report.moments)
    attempt = replace(attempt, next_seq=expected + len(fresh), moments=moments)
    step = replace(step, attempts=(*step.attempts[:-1], attempt))
    if report.outcome is None:
        return Accepted(state=with_step(state, step), events=fresh, next_seq=attempt.next_seq)
    outcome = dynamic_steps.checked(state.run.plan, step.key, report.outcome)
    if outcome is not report.outcome:
        fresh[-1] = _as_failure(fresh[-1], outcome)
    return Accepted(
        state=dynamic_steps.settle(state, step, outcome), events=fresh, next_seq=attempt.next_seq
    )


def _as_failure(event: wire_attempt.Event, outcome: model.Outcome) -> wire_attempt.Event:
    """Return the reported success as the failure that it is recorded as."""
    failure = wire_attempt.StepFailure(reason=outcome.reason, message=outcome.message)
    return message.replace(
        event,
        type=wire_attempt.EventType.STEP_FAILURE,
        message=outcome.message,
        payload=codec.encode(failure),
    )


def start(
    state: model.RunState, ref: ports.AttemptRef, *, worker_id: str, worker_name: str, at: datetime
) -> model.RunState:
    """Mark the attempt RUNNING by *worker_id*.

    A run that is being cancelled starts nothing any more, though what runs may still report.

    Raises:
        AttemptClosed: It cannot run, or another worker runs it.
    """
    step, attempt = find(state, ref)
    _check_open(state, step, attempt, ref)
    if attempt.worker_id is not None and attempt.worker_id != worker_id:
        raise ports.AttemptClosed(
            f"{_named(ref)} belongs to worker {attempt.worker_id}, not to {worker_id}"
        )
    if attempt.status is model.AttemptStatus.RUNNING:
        return state
    if state.run.status is model.RunStatus.CANCELING:
        raise ports.AttemptClosed(
            f"run {ref.run_id} is being cancelled; {_named(ref)} must not start"
        )
    step = step_state.report_process(step)
    started = replace(
        step.attempts[-1],
        worker_id=worker_id,
        worker_name=worker_name or attempt.worker_name,
        moments=merge_moments(model.Moments(running_at=at), attempt.moments),
    )
    return with_step(state, replace(step, attempts=(*step.attempts[:-1], started)))


def find(state: model.RunState, ref: ports.AttemptRef) -> tuple[model.Step, model.Attempt]:
    """Return the step and the attempt that *ref* names.

    Raises:
        AttemptClosed: There is no such attempt.
    """
    step = state.steps.get(ref.step_key)
    for attempt in step.attempts if step else ():
        if step is not None and attempt.number == ref.number:
            return step, attempt
    raise ports.AttemptClosed(f"{_named(ref)} does not exist")


def with_step(state: model.RunState, step: model.Step) -> model.RunState:
    """Return *state* with *step* in place of the one that has its key."""
    return replace(state, steps={**state.steps, step.key: step})


def merge_moments(known: model.Moments, told: model.Moments) -> model.Moments:
    """Return *known* with the moments that were *told*."""
    changes = {field.name: getattr(told, field.name) for field in fields(told)}
    return replace(
        known, **{name: moment for name, moment in changes.items() if moment is not None}
    )


def _check_open(
    state: model.RunState, step: model.Step, attempt: model.Attempt, ref: ports.AttemptRef
) -> None:
    if not attempt.is_open:
        raise ports.AttemptClosed(f"{_named(ref)} has ended already ({attempt.status.value})")
    if step.newest is not attempt:
        raise ports.AttemptClosed(f"{_named(ref)} was replaced by a newer attempt")
    if state.run.status in run_state.FINISHED:
        raise ports.AttemptClosed(f"run {ref.run_id} has ended ({state.run.status.value})")


def _named(ref: ports.AttemptRef) -> str:
    return f"attempt {ref.number} of step {ref.step_key} of run {ref.run_id}"
