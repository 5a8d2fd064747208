"""What the end of a worker without an outcome means."""

from __future__ import annotations

import os
import signal

from opweave.step_process.memory_limit import OomCounter
from opweave.wire.attempt import FailureKind, StepFailure

_USER_SIGNALS = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"})
"""Sent by the kernel for what the code itself did, or by the code to itself."""


def judge_end(status: int, oom: OomCounter) -> StepFailure:
    """Return the failure of a worker that ended with wait *status* before it told its outcome."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return StepFailure(
            reason="ProcessExited",
            message=f"the step's process ended with exit code {code} before the op had ended; "
            "an op must return or raise, not call os._exit",
            exit_code=code,
        )
    if -code == signal.SIGKILL and oom.has_risen():
        return _killed_for_memory(oom.limit())
    name = _signal_name(-code)
    is_user = name in _USER_SIGNALS
    hint = "; see standard error for where it crashed" if is_user else ""
    return StepFailure(
        reason="ProcessKilled",
        message=f"the step's process was killed by {name}{hint}",
        kind=FailureKind.USER_CODE if is_user else FailureKind.INFRASTRUCTURE,
        exit_code=code,
    )


def _killed_for_memory(limit: str) -> StepFailure:
    more = f" of {limit}" if limit else ""
    return StepFailure(
        reason="OOMKilled",
        message=f"the kernel killed the step for using more memory than its limit{more}; "
        "raise resources.limits.memory of the op or let it hold less at once",
        kind=FailureKind.INFRASTRUCTURE,
        exit_code=-int(signal.SIGKILL),
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
