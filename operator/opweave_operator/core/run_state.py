"""The life-cycle of a run as a table.

The web page's "can I cancel?" and the engine's moves both come from here.
"""

from __future__ import annotations

import enum

from opweave_operator.core.model import RunStatus


class RunEvent(enum.StrEnum):
    """What can happen to a run."""

    ADMITTED = "ADMITTED"
    STARTED = "STARTED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class IllegalTransition(ValueError):
    """An event that cannot happen in this status; the engine has a fault."""


TRANSITIONS: dict[tuple[RunStatus, RunEvent], RunStatus] = {
    (RunStatus.QUEUED, RunEvent.ADMITTED): RunStatus.STARTING,
    (RunStatus.QUEUED, RunEvent.CANCELED): RunStatus.CANCELED,
    (RunStatus.QUEUED, RunEvent.FAILED): RunStatus.FAILURE,
    (RunStatus.STARTING, RunEvent.STARTED): RunStatus.STARTED,
    (RunStatus.STARTING, RunEvent.CANCEL_REQUESTED): RunStatus.CANCELING,
    (RunStatus.STARTING, RunEvent.SUCCEEDED): RunStatus.SUCCESS,
    (RunStatus.STARTING, RunEvent.FAILED): RunStatus.FAILURE,
    (RunStatus.STARTED, RunEvent.CANCEL_REQUESTED): RunStatus.CANCELING,
    (RunStatus.STARTED, RunEvent.SUCCEEDED): RunStatus.SUCCESS,
    (RunStatus.STARTED, RunEvent.FAILED): RunStatus.FAILURE,
    (RunStatus.CANCELING, RunEvent.CANCELED): RunStatus.CANCELED,
    (RunStatus.CANCELING, RunEvent.FAILED): RunStatus.FAILURE,
}

FINISHED = frozenset({RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELED})
"""A run in one of these never changes again."""

ACTIVE = frozenset({RunStatus.STARTING, RunStatus.STARTED, RunStatus.CANCELING})
"""A run in one of these holds a place under the limit of concurrent runs."""

CANCELABLE = frozenset({RunStatus.QUEUED, RunStatus.STARTING, RunStatus.STARTED})
"""A run in one of these can be asked to stop."""


def advance(status: RunStatus, event: RunEvent) -> RunStatus:
    """Return the status after *event*.

    Raises:
        IllegalTransition: *event* cannot happen in *status*.
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(f"a run that is {status} cannot be {event}") from None
