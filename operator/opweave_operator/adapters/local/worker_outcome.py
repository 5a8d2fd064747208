"""How a step process appears to the engine: the words for each way in which it can run or have ended."""

from __future__ import annotations

import signal

from opweave_operator.adapters.local.worker_record import WorkerDirectory, WorkerRecord
from opweave_operator.core import model


def describe(record: WorkerRecord, directory: WorkerDirectory) -> model.Worker:
    """Return the worker of *record*; *directory* is read only when it has ended."""
    phase = model.WorkerPhase.RUNNING
    if record.process is None:
        phase = model.WorkerPhase.PENDING
    elif record.ended_at is not None:
        phase = model.WorkerPhase.ENDED
    reason, message, is_infrastructure = "", "", False
    if phase is model.WorkerPhase.ENDED:
        reason, message, is_infrastructure = _end(record, directory)
    return model.Worker(
        step_key=record.ref.step_key,
        attempt=record.ref.number,
        phase=phase,
        worker_id=record.worker_id,
        name=f"pid {record.process.pid}" if record.process else None,
        created_at=record.created_at,
        running_at=record.created_at if record.process else None,
        ended_at=record.ended_at,
        reason=reason,
        message=message,
        exit_code=record.exit_code,
        termination_message=(
            directory.termination_message() if phase is model.WorkerPhase.ENDED else ""
        ),
        is_infrastructure=is_infrastructure,
        is_stopping=record.is_stopping,
        is_held=not record.is_released,
    )


def _end(record: WorkerRecord, directory: WorkerDirectory) -> tuple[str, str, bool]:
    code = record.exit_code
    if code == 0:
        return "Completed", "", False
    if record.is_stopping:
        return "Stopped", "the process was told to stop", False
    if code is None:
        return (
            "WorkerGone",
            "the process ended while opweave dev was not running, so its exit code is unknown",
            True,
        )
    if code < 0:
        name = _signal_name(-code)
        # Nothing of ours sends a signal without having been told to: a person did, or the system for want of memory.
        return "Killed", f"the process was ended by {name}", code == -signal.SIGKILL
    return "Error", directory.stderr_tail() or f"the process ended with exit code {code}", False


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
