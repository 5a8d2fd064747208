"""The worker: the forked process in which the user's code runs.

It loads the definitions at once, while the supervisor reports the start; then it waits for its slice of the plan, runs the
step and sends the outcome as its last event. It ends like any Python program, so that the user's ``atexit`` functions and
threads get their turn; the supervisor bounds that.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from opweave.step_process.channel import EventWriter
from opweave.step_process.process_group import lead_group
from opweave.step_process.standard_streams import redirect_standard_streams
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
    from opweave.loading import CodePointer, LoadError

    Emit = Callable[[EventType, str, dict[str, Any]], None]


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

    Called in the child of a fork with the signals of `Termination` blocked.
    """
    from opweave.errors import StepTerminated  # noqa: PLC0415 - the supervisor needs nothing of it

    termination = Termination(StepTerminated)
    lead_group(pipes.lifeline)
    redirect_standard_streams(pipes.stdout, pipes.stderr)
    events = EventWriter(pipes.event_writer)
    try:
        termination.install()
        outcome = _run(pointer, pipes, home, events, termination)
    except StepTerminated:
        outcome = _terminated()
    termination.ignore()
    _send_outcome(events, outcome)
    os.close(pipes.event_writer)
    return 0 if isinstance(outcome, StepSuccess) else 1


class Termination:
    """Turns SIGTERM into an exception in the worker's main thread, once, and never in the middle of an event."""

    def __init__(self, exception: type[BaseException]) -> None:
        self._exception = exception
        self._owner = os.getpid()
        self._is_held = False
        self._is_pending = False

    def install(self) -> None:
        """Take over the signals from the supervisor, whose handlers the fork has copied."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, self._handle)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def ignore(self) -> None:
        """Let later signals pass: the outcome is known."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put the exception off until the end of the block."""
        outer, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = outer
        if self._is_pending and not outer:
            self._is_pending = False
            raise self._exception

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if (
            os.getpid() != self._owner
        ):  # a process that user code forked: it ends as it would without us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        signal.signal(
            signal.SIGTERM, signal.SIG_IGN
        )  # the clean-up is not to be cut short by a second one
        if self._is_held:
            self._is_pending = True
        else:
            raise self._exception


def _run(
    pointer: CodePointer,
    pipes: WorkerPipes,
    home: str | None,
    events: EventWriter,
    termination: Termination,
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
        with termination.held():
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
    return StepFailure(
        reason=error.reason,
        message=error.message,
        error=ErrorInfo(
            class_name=error.message.partition(":")[0],
            message=error.message,
            stack=error.traceback,
        ),
    )


def _terminated() -> StepFailure:
    return StepFailure(
        reason="Terminated",
        message="the step was told to stop",
        kind=FailureKind.INFRASTRUCTURE,
    )
