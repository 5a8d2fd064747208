"""The supervisor: the process that the executor started, and that has the last word about the attempt.

It never runs user code. Its main thread waits for what the worker sends, for signals and for the reporter's news; reporting
and the copying of output have threads of their own. As process 1 of a container it also buries orphans.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from opweave.child_process.output import OutputCopy
from opweave.child_process.signals import SignalInbox
from opweave.step_process.channel import EventReader, Json, is_outcome, timestamp
from opweave.step_process.log_upload import LogUpload
from opweave.step_process.memory_limit import OomCounter
from opweave.step_process.reporter import Reporter, Standing
from opweave.step_process.settings import StepSettings
from opweave.step_process.termination import termination_message, write_termination_message
from opweave.step_process.verdict import judge_end
from opweave.step_process.worker_process import WorkerProcess
from opweave.wire import attempt as wire
from opweave.wire.codec import encode

READ_BYTES = 64 * 1024
REFUSED_GRACE_SECONDS = 5.0
"""For a worker whose attempt is not its own any more: enough to close a connection, not to go on working."""
STOPPED_FLUSH_SECONDS = 5.0
"""When told to stop, the rest of the output gets no longer than this: the whole pod has 30 s."""
STOP_NEWS_SECONDS = 1.0
"""How long the outcome of a stopped worker waits for ingest to say whether the run is being cancelled."""
_FROM_OUTSIDE = (
    "as far as it was told by no cancelled run, so its pod was deleted or evicted, its node drained, or its process was"
    " sent a signal"
)


class SupervisorPipes(NamedTuple):
    """The supervisor's ends of the worker's pipes; *lifeline* is only held open."""

    slice_writer: int
    event_reader: int
    lifeline: int
    stdout: int
    stderr: int


class Supervisor:
    """Watches over one worker and reports for it."""

    def __init__(
        self,
        settings: StepSettings,
        worker_pid: int,
        pipes: SupervisorPipes,
        inbox: SignalInbox,
        oom: OomCounter,
    ) -> None:
        self._settings = settings
        self._worker = WorkerProcess(worker_pid)
        self._pipes = pipes
        self._inbox = inbox
        self._oom = oom
        self._outcome: Json | None = None
        self._is_left_behind = False
        self._is_stopping = False
        self._is_pipe_open = True
        self._reader = EventReader(lambda line: _say(f"the worker sent what is no event: {line}"))
        self._reporter = Reporter(
            settings.endpoint,
            timeout_seconds=settings.report_timeout_seconds,
            on_started=self._begin_work,
            on_change=inbox.wake,
            on_trouble=_say,
        )
        self._logs = LogUpload(
            settings.endpoint, timeout_seconds=settings.report_timeout_seconds, on_trouble=_say
        )
        self._copies = [
            OutputCopy(pipes.stdout, 1, lambda data: self._logs.write("stdout", data)),
            OutputCopy(pipes.stderr, 2, lambda data: self._logs.write("stderr", data)),
        ]

    def run(self, start_request: wire.StartRequest) -> int:
        """Report the start, watch the worker, report the outcome, wind up; return the exit code."""
        try:
            return self._run(start_request)
        except Exception as error:  # noqa: BLE001 - the attempt must not look like a failure of the user's code
            sys.excepthook(type(error), error, error.__traceback__)
            self._worker.kill()
            self._leave_behind(_failure_event(encode(_SUPERVISOR_FAILED)))
            return wire.EXIT_FAILURE

    def _run(self, start_request: wire.StartRequest) -> int:
        for copy in self._copies:
            copy.begin()
        self._reporter.begin(encode(start_request))
        self._wait_until(lambda: self._outcome is not None or self._is_over())
        if self._outcome is not None:
            self._report_outcome(self._outcome)
        self._end_worker()
        self._finish_output()
        return self._exit_code()

    # --- what happens meanwhile ---------------------------------------------------------------------------------------

    def _wait_until(
        self, is_reached: Callable[[], bool], timeout_seconds: float | None = None
    ) -> bool:
        """Attend to everything until *is_reached*; return False when *timeout_seconds* passed first."""
        ends_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not is_reached():
            if ends_at is not None and time.monotonic() >= ends_at:
                return False
            self._sleep(ends_at)
            self._inbox.clear()
            self._obey()
            self._worker.look()
            if self._worker.has_ended and self._reporter.is_started and self._outcome is None:
                self._judge_end()
        return True

    def _sleep(self, ends_at: float | None) -> None:
        poll = select.poll()
        poll.register(self._inbox.descriptor, select.POLLIN)
        if self._is_pipe_open and self._reporter.is_started and not self._reporter.is_full:
            poll.register(self._pipes.event_reader, select.POLLIN)
        moments = [moment for moment in (ends_at, self._worker.kill_at) if moment is not None]
        wait = max(min(moments) - time.monotonic(), 0) * 1000 + 1 if moments else None
        if any(descriptor == self._pipes.event_reader for descriptor, _ in poll.poll(wait)):
            self._read_events()

    def _read_events(self) -> bool:
        try:
            data = os.read(self._pipes.event_reader, READ_BYTES)
        except BlockingIOError:
            return False
        self._is_pipe_open = bool(data)
        for event in self._reader.feed(data):
            if self._outcome is not None:
                break
            if is_outcome(event):
                self._outcome = event
                self._worker.kill_after(self._settings.exit_grace_seconds)
            else:
                self._reporter.put(event)
        return self._is_pipe_open

    def _judge_end(self) -> None:
        """Read what the worker has still sent; if the outcome is not in it, its end is the outcome."""
        os.set_blocking(self._pipes.event_reader, False)
        while self._outcome is None and self._is_pipe_open and self._read_events():
            pass
        if self._outcome is None:
            failure = judge_end(self._worker.status, self._oom)
            self._outcome = _failure_event(encode(failure))

    def _obey(self) -> None:
        if self._inbox.is_stop_asked or self._reporter.should_stop:
            self._stop()
        if self._reporter.standing is Standing.REFUSED:
            self._worker.stop(REFUSED_GRACE_SECONDS)

    def _stop(self) -> None:
        if self._is_stopping or self._outcome is not None:
            return
        self._is_stopping = True
        grace = self._settings.stop_grace_seconds
        if self._reporter.is_started:
            self._reporter.put(_engine_event(f"The step was told to stop; it has {grace:g} s"))
            self._reporter.flush()
        self._worker.stop(grace)

    def _is_over(self) -> bool:
        """Whether no outcome may be reported any more, or nothing has begun and nothing shall."""
        if self._reporter.standing is Standing.REFUSED:
            return True
        is_hopeless = self._is_stopping or self._reporter.standing is Standing.LOST
        return is_hopeless and not self._reporter.is_started

    def _begin_work(self, slice_: bytes) -> None:
        """Hand the slice to the worker; called in the reporter's thread."""
        self._logs.begin()
        with contextlib.suppress(OSError), open(self._pipes.slice_writer, "wb") as pipe:  # noqa: PTH123 - a descriptor
            pipe.write(slice_)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _report_outcome(self, outcome: Json) -> None:
        """Leave the outcome for the container runtime, then report it: a kill in between loses nothing."""
        if self._is_stopping and outcome["type"] == wire.EventType.STEP_FAILURE:
            self._wait_until(lambda: self._reporter.is_settled, STOP_NEWS_SECONDS)
            outcome = self._stopped(outcome)
        self._leave_behind(outcome)
        self._outcome = outcome
        self._reporter.put(outcome)
        self._wait_until(lambda: self._reporter.is_settled)
        if self._reporter.standing is Standing.LOST and not self._is_left_behind:
            self._leave_behind(_failure_event(encode(_OUTCOME_LOST)))

    def _leave_behind(self, outcome: Json) -> None:
        message = termination_message(self._reporter.next_seq, outcome)
        self._is_left_behind = message is not None and write_termination_message(
            self._settings.termination_log, message
        )

    def _stopped(self, outcome: Json) -> Json:
        """Return the failure of a worker that was told to stop, whatever its code made of it."""
        kind = wire.FailureKind.INFRASTRUCTURE
        if self._reporter.should_stop:
            kind = wire.FailureKind.CANCELED
        message = "the step was told to stop"
        if self._worker.was_killed:
            message += f" and was killed after {self._settings.stop_grace_seconds:g} s"
        if kind is wire.FailureKind.INFRASTRUCTURE:
            message += f"; {_FROM_OUTSIDE}"
        payload = {
            **outcome["payload"],
            "reason": "Terminated",
            "message": message,
            "kind": str(kind),
        }
        return {**outcome, "message": message, "payload": payload}

    def _end_worker(self) -> None:
        if not self._reporter.is_started:
            self._worker.kill()
        if self._worker.kill_at is None:
            self._worker.kill_after(self._settings.exit_grace_seconds)
        self._wait_until(lambda: self._worker.has_ended)
        if (
            self._worker.was_killed
            and not self._is_stopping
            and self._reporter.standing is Standing.OPEN
        ):
            _say(
                f"the worker did not end within {self._settings.exit_grace_seconds:g} s of its outcome "
                "and was killed: a thread or an atexit function of the code holds it"
            )

    def _finish_output(self) -> None:
        if self._reporter.standing is not Standing.OPEN or not self._reporter.is_started:
            self._logs.discard()
        seconds = self._settings.log_flush_seconds
        if self._is_stopping or self._inbox.is_stop_asked:
            seconds = min(seconds, STOPPED_FLUSH_SECONDS)
        ends_at = time.monotonic() + seconds
        for copy in self._copies:
            copy.finish(max(ends_at - time.monotonic(), 0))
        self._logs.finish(max(ends_at - time.monotonic(), 0))

    def _exit_code(self) -> int:
        if self._reporter.standing is Standing.REFUSED:
            _say(f"ingest refused this process: {self._reporter.refusal}")
            return wire.EXIT_REFUSED
        if self._outcome is None:
            _say("ingest was not reached before the user's code began; nothing ran")
            return wire.EXIT_UNREACHABLE
        is_known = self._reporter.standing is Standing.OPEN or self._is_left_behind
        is_success = self._outcome["type"] == wire.EventType.STEP_SUCCESS
        return wire.EXIT_SUCCESS if is_success and is_known else wire.EXIT_FAILURE


_OUTCOME_LOST = wire.StepFailure(
    reason="OutcomeLost",
    message="the step succeeded, but ingest could not be told and its list of outputs is too long "
    "for the termination message",
    kind=wire.FailureKind.INFRASTRUCTURE,
)

_SUPERVISOR_FAILED = wire.StepFailure(
    reason="SupervisorFailed",
    message="opweave's own part of the step process failed; its log tells more",
    kind=wire.FailureKind.INFRASTRUCTURE,
)


def _failure_event(payload: Json) -> Json:
    return {
        "type": str(wire.EventType.STEP_FAILURE),
        "at": timestamp(),
        "message": payload["message"],
        "payload": payload,
    }


def _engine_event(message: str) -> Json:
    return {
        "type": str(wire.EventType.ENGINE_EVENT),
        "at": timestamp(),
        "message": message,
        "payload": {},
    }


def _say(line: str) -> None:
    """Tell people who read the container's log; not part of the step's own output."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"opweave: {line}\n")
        sys.stderr.flush()
