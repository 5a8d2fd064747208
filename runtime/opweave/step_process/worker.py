"""The worker: the forked process in which the user's code runs.

It loads the definitions at once, while the supervisor reports the start; then it waits for its slice of the plan, runs the
step and sends the outcome as its last event. It ends like any Python program, so that the user's ``atexit`` functions and
threads get their turn; the supervisor bounds that.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from opweave.child_process.process_group import lead_group
from opweave.child_process.standard_streams import redirect_standard_streams
from opweave.step_process.channel import EventWriter
from opweave.step_process.stop_request import StopRequest
from opweave.tracebacks import user_traceback
from opweave.wire import WIRE_VERSION
from opweave.wire.attempt import (
    AttemptSlice,
    ErrorInfo,
    EventType,
    FailureKind,
    StepFailure,
    StepSuccess,
)
from opweave.wire.codec import WireError, decode, encode

if TYPE_CHECKING:
    from opweave.definitions.definitions import Definitions
    from opweave.execution.events import Emit
    from opweave.loading import CodePointer, LoadError


class WorkerPipes(NamedTuple):
    """The worker's ends of its pipes.

    Attributes:
        lifeline: Nothing is ever written to its other end, which only the supervisor holds: its end is the supervisor's.
    """

    slice_reader: int
    event_writer: int
    lifeline: int
    stdout: int
    stderr: int


def run_worker(pointer: CodePointer, pipes: WorkerPipes, home: str | None) -> int:
    """Run one step and send its outcome; return the exit code.

    Called in the child of a fork with the signals of `StopRequest` blocked.
    """
    from opweave.errors import StepTerminated  # noqa: PLC0415 - the supervisor needs nothing of it

    stop = StopRequest(StepTerminated)
    lead_group(pipes.lifeline)
    redirect_standard_streams(pipes.stdout, pipes.stderr)
    events = EventWriter(pipes.event_writer)
    try:
        stop.install()
        outcome = _run(pointer, pipes, home, events, stop)
    except StepTerminated:
        outcome = _terminated()
    except BaseException as error:  # noqa: BLE001 - the outcome is told whatever escapes
        outcome = _escaped(error)
    stop.ignore()
    _send_outcome(events, outcome)
    os.close(pipes.event_writer)
    return 0 if isinstance(outcome, StepSuccess) else 1


def _run(
    pointer: CodePointer,
    pipes: WorkerPipes,
    home: str | None,
    events: EventWriter,
    stop: StopRequest,
) -> StepSuccess | StepFailure:
    from opweave.loading import LoadError, load_definitions  # noqa: PLC0415 - after the signals are safe

    try:
        definitions = load_definitions(pointer)
    except LoadError as error:
        return _load_failed(error)
    try:
        slice_ = _receive_slice(pipes.slice_reader)
    except WireError as error:
        return StepFailure(
            reason="ProtocolMismatch",
            message=f"this image's opweave does not understand its plan: {error}",
            kind=FailureKind.INFRASTRUCTURE,
        )

    def emit(type_: EventType, message: str, payload: dict[str, Any]) -> None:
        with stop.held():
            events.write(type_, message, payload)

    return _run_attempt(definitions, slice_, emit, home)


def _run_attempt(
    definitions: Definitions, slice_: AttemptSlice, emit: Emit, home: str | None
) -> StepSuccess | StepFailure:
    from pathlib import Path  # noqa: PLC0415 - the supervisor does without

    from opweave.execution.step import run_attempt  # noqa: PLC0415 - while the start is being reported

    try:
        job = definitions.get_job_def(slice_.job)
    except Exception as error:  # noqa: BLE001 - whatever a lookup raises, the job is not there
        return StepFailure(
            reason="JobNotFound",
            message=f"this version of the code does not define job {slice_.job!r}: {error}",
        )
    return run_attempt(job, slice_, emit, instance_directory=None if home is None else Path(home))


def _receive_slice(descriptor: int) -> AttemptSlice:
    with open(descriptor, "rb") as pipe:
        text = pipe.read()
    try:
        data = json.loads(text)
    except ValueError as error:
        raise WireError(f"it is no JSON: {error}") from error
    slice_ = decode(AttemptSlice, data)
    if slice_.wire_version > WIRE_VERSION:
        raise WireError(
            f"it speaks version {WIRE_VERSION}, the operator {slice_.wire_version}; "
            "install a newer opweave in the image"
        )
    return slice_


def _send_outcome(events: EventWriter, outcome: StepSuccess | StepFailure) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed by the user's code
    if isinstance(outcome, StepSuccess):
        if events.fits(EventType.STEP_SUCCESS, "", encode(outcome)):
            events.write(EventType.STEP_SUCCESS, "", encode(outcome))
            return
        outcome = StepFailure(
            reason="TooManyOutputs",
            message=f"the step stored {len(outcome.outputs)} outputs, more than one report holds; "
            "yield fewer, larger members of the dynamic output",
        )
    events.write(EventType.STEP_FAILURE, outcome.message, encode(outcome))


def _load_failed(error: LoadError) -> StepFailure:
    from opweave.execution.error_info import error_info  # noqa: PLC0415 - only a failure pays for it

    raised = error.__cause__
    # Where opweave found words of its own, as for code that ends the process, its message tells more than the error.
    has_error = isinstance(raised, Exception) and error.traceback != ""
    return StepFailure(
        reason=error.reason,
        message=error.message,
        error=error_info(raised) if has_error and raised is not None else None,
    )


def _escaped(error: BaseException) -> StepFailure:
    """Return the failure for what `run_attempt` lets through: a strange exception of the code, or a fault of ours."""
    sys.excepthook(type(error), error, error.__traceback__)
    is_ours = isinstance(error, Exception)
    text = f"{type(error).__name__}: {error}"
    return StepFailure(
        reason="InternalError" if is_ours else "UserCodeError",
        message=f"opweave failed while it ran the step: {text}" if is_ours else text,
        kind=FailureKind.INFRASTRUCTURE if is_ours else FailureKind.USER_CODE,
        error=ErrorInfo(
            class_name=type(error).__name__, message=str(error), stack=user_traceback(error)
        ),
    )


def _terminated() -> StepFailure:
    return StepFailure(
        reason="Terminated",
        message="the step was told to stop",
        kind=FailureKind.INFRASTRUCTURE,
    )
