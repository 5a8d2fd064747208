"""How an attempt ended, from what its process reported or left behind.

Three sources may tell it and the first one wins: the report to ingest, the termination message, the state of the worker.
"""

from __future__ import annotations

import json
from datetime import datetime

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec
from opweave_operator.core import model
from opweave_operator.core.model import AttemptStatus, OutcomeSource

_BY_KIND = {
    wire_attempt.FailureKind.USER_CODE: AttemptStatus.FAILURE,
    wire_attempt.FailureKind.INFRASTRUCTURE: AttemptStatus.LOST,
    wire_attempt.FailureKind.CANCELED: AttemptStatus.CANCELED,
}


def from_success(
    success: wire_attempt.StepSuccess, source: OutcomeSource, at: datetime
) -> model.Outcome:
    """Return the outcome of an attempt that says it succeeded."""
    return model.Outcome(
        status=AttemptStatus.SUCCESS, source=source, at=at, outputs=success.outputs
    )


def from_failure(
    failure: wire_attempt.StepFailure, source: OutcomeSource, at: datetime
) -> model.Outcome:
    """Return the outcome of an attempt that says it failed; its kind decides whose retries it may use."""
    return model.Outcome(
        status=_BY_KIND[failure.kind],
        source=source,
        at=at,
        reason=failure.reason,
        message=failure.message,
        error=failure.error,
        exit_code=failure.exit_code,
    )


def from_worker(worker: model.Worker, now: datetime) -> model.Outcome:
    """Return the outcome of an attempt whose *worker* has ended or is gone without a report to ingest.

    A termination message that can be read goes before the worker's state. A process that ended by itself without telling
    anything is the user's failure (``os._exit``, a crash), unless it says that it never began.
    """
    told = _termination_message(worker.termination_message)
    if told is not None and told.success is not None:
        return from_success(told.success, OutcomeSource.TERMINATION_MESSAGE, now)
    if told is not None and told.failure is not None:
        return from_failure(told.failure, OutcomeSource.TERMINATION_MESSAGE, now)
    began = worker.exit_code not in (wire_attempt.EXIT_REFUSED, wire_attempt.EXIT_UNREACHABLE)
    if worker.phase is model.WorkerPhase.ABSENT:
        status, reason = AttemptStatus.LOST, "WorkerGone"
        message = f"{worker.name or 'the worker'} disappeared before it reported an outcome"
    elif worker.is_infrastructure or not began:
        status, reason = AttemptStatus.LOST, _loss_reason(worker)
        message = worker.message or f"the worker ended: {reason}"
    else:
        status, reason = AttemptStatus.FAILURE, _exit_reason(worker)
        message = (
            worker.message
            or f"the process ended with exit code {worker.exit_code} without an outcome"
        )
    return model.Outcome(
        status=status,
        source=OutcomeSource.WORKER_STATE,
        at=now,
        reason=reason,
        message=message,
        exit_code=worker.exit_code,
    )


def _loss_reason(worker: model.Worker) -> str:
    if worker.exit_code == wire_attempt.EXIT_UNREACHABLE:
        return "IngestUnreachable"
    if worker.exit_code == wire_attempt.EXIT_REFUSED:
        return "Refused"
    return worker.reason or "WorkerLost"


def _exit_reason(worker: model.Worker) -> str:
    return worker.reason if worker.reason not in ("", "Error", "Completed") else "ProcessExited"


def _termination_message(text: str) -> wire_attempt.TerminationMessage | None:
    """Return the message if it is one: a user's process can write anything there."""
    if not text.startswith("{"):
        return None
    try:
        return codec.decode(wire_attempt.TerminationMessage, json.loads(text))
    except (ValueError, RecursionError):
        return None
