"""The life-cycle of a step as a table, and the settling of its attempts.

Called by `decide` and by the event store, which records a reported outcome in the same transaction as the events.
"""

from __future__ import annotations

import enum
from dataclasses import replace

from opweave_operator.core import model
from opweave_operator.core.model import AttemptStatus, StepStatus


class StepEvent(enum.StrEnum):
    """What can happen to a step."""

    ATTEMPT_REQUESTED = "ATTEMPT_REQUESTED"
    PROCESS_REPORTED = "PROCESS_REPORTED"
    ATTEMPT_LOST = "ATTEMPT_LOST"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELED = "CANCELED"


class IllegalTransition(ValueError):
    """An event that cannot happen in this status; the engine has a fault."""


TRANSITIONS: dict[tuple[StepStatus, StepEvent], StepStatus] = {
    (StepStatus.WAITING, StepEvent.ATTEMPT_REQUESTED): StepStatus.STARTING,
    (StepStatus.WAITING, StepEvent.SKIPPED): StepStatus.SKIPPED,
    (StepStatus.WAITING, StepEvent.CANCELED): StepStatus.CANCELED,
    (StepStatus.STARTING, StepEvent.ATTEMPT_REQUESTED): StepStatus.STARTING,
    (StepStatus.STARTING, StepEvent.PROCESS_REPORTED): StepStatus.RUNNING,
    (StepStatus.STARTING, StepEvent.ATTEMPT_LOST): StepStatus.STARTING,
    (StepStatus.STARTING, StepEvent.SUCCEEDED): StepStatus.SUCCESS,
    (StepStatus.STARTING, StepEvent.FAILED): StepStatus.FAILURE,
    (StepStatus.STARTING, StepEvent.CANCELED): StepStatus.CANCELED,
    (StepStatus.RUNNING, StepEvent.PROCESS_REPORTED): StepStatus.RUNNING,
    (StepStatus.RUNNING, StepEvent.ATTEMPT_LOST): StepStatus.STARTING,
    (StepStatus.RUNNING, StepEvent.SUCCEEDED): StepStatus.SUCCESS,
    (StepStatus.RUNNING, StepEvent.FAILED): StepStatus.FAILURE,
    (StepStatus.RUNNING, StepEvent.CANCELED): StepStatus.CANCELED,
}

FINISHED = frozenset(
    {StepStatus.SUCCESS, StepStatus.FAILURE, StepStatus.SKIPPED, StepStatus.CANCELED}
)
"""A step in one of these never changes again."""

ACTIVE = frozenset({StepStatus.STARTING, StepStatus.RUNNING})
"""A step in one of these has an attempt."""

_BY_OUTCOME = {
    AttemptStatus.SUCCESS: StepEvent.SUCCEEDED,
    AttemptStatus.FAILURE: StepEvent.FAILED,
    AttemptStatus.LOST: StepEvent.ATTEMPT_LOST,
    AttemptStatus.CANCELED: StepEvent.CANCELED,
}


def advance(status: StepStatus, event: StepEvent) -> StepStatus:
    """Return the status after *event*.

    Raises:
        IllegalTransition: *event* cannot happen in *status*.
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(f"a step that is {status} cannot be {event}") from None


def settle(step: model.Step, outcome: model.Outcome) -> model.Step:
    """Return *step* with its newest attempt closed by *outcome* and its own status moved accordingly.

    A LOST attempt leaves the step STARTING: `decide` chooses between another attempt and failure.

    Raises:
        IllegalTransition: The step has no open attempt.
    """
    newest = step.newest
    if newest is None or not newest.is_open:
        raise IllegalTransition(f"step {step.key} has no open attempt to settle")
    moments = replace(newest.moments, committed_at=outcome.at)
    closed = replace(newest, status=outcome.status, outcome=outcome, moments=moments)
    return replace(
        step,
        status=advance(step.status, _BY_OUTCOME[outcome.status]),
        reason=outcome.reason,
        message=outcome.message,
        waiting_reason="",
        waiting_message="",
        retry_at=None,
        attempts=(*step.attempts[:-1], closed),
    )


def report_process(step: model.Step) -> model.Step:
    """Return *step* after the process of its newest attempt has reported its start."""
    newest = step.newest
    if newest is None or not newest.is_open:
        raise IllegalTransition(f"step {step.key} has no open attempt that could report")
    running = replace(newest, status=AttemptStatus.RUNNING)
    return replace(
        step,
        status=advance(step.status, StepEvent.PROCESS_REPORTED),
        waiting_reason="",
        waiting_message="",
        attempts=(*step.attempts[:-1], running),
    )
