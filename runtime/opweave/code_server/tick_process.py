"""Evaluate schedules and sensors in a forked process each: one that hangs, crashes or leaks takes nothing with it.

The fork has the definitions already; it leads a process group, which is killed when its time is over or when the server
dies, with everything that the user's code has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opweave.child_process.process_group import lead_group
from opweave.wire.codec import decode, encode
from opweave.wire.ticks import ScheduleTickRequest, SensorTickRequest, TickFailure, TickReply

if TYPE_CHECKING:
    from opweave import Definitions

MAX_REPLY_BYTES = 32 * 1024 * 1024
MAX_AT_ONCE = 16
"""Evaluations at a moment; more wait for a place, within their own time."""
LONGEST_SECONDS = 3600

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


def schedule_tick(definitions: Definitions, request: ScheduleTickRequest) -> TickReply:
    """Evaluate a schedule in a process of its own."""
    from opweave.execution import tick  # noqa: PLC0415 - loaded with the definitions

    return _evaluate(lambda: tick.evaluate_schedule(definitions, request), request.timeout_seconds)


def sensor_tick(definitions: Definitions, request: SensorTickRequest) -> TickReply:
    """Evaluate a sensor in a process of its own."""
    from opweave.execution import tick  # noqa: PLC0415 - loaded with the definitions

    return _evaluate(lambda: tick.evaluate_sensor(definitions, request), request.timeout_seconds)


def _evaluate(act: Callable[[], TickReply], timeout_seconds: int) -> TickReply:
    seconds = min(max(timeout_seconds, 1), LONGEST_SECONDS)
    deadline = time.monotonic() + seconds
    if not _places.acquire(timeout=seconds):
        return _failed("TimedOut", f"{MAX_AT_ONCE} evaluations were under way for {seconds} s")
    try:
        return _in_fork(act, deadline, seconds)
    finally:
        _places.release()


def _in_fork(act: Callable[[], TickReply], deadline: float, seconds: int) -> TickReply:
    reader, writer = os.pipe()
    lifeline_reader, lifeline_writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(act, reader, writer, lifeline_reader, lifeline_writer)
    os.close(writer)
    os.close(lifeline_reader)
    try:
        data = _read(reader, deadline)
    finally:
        os.close(reader)
        # The leader may have made its group already or not yet: kill both.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        os.close(lifeline_writer)
        _, status = os.waitpid(pid, 0)
    if data is None:
        return _failed(
            "TimedOut",
            f"the evaluation took longer than {seconds} s and was ended; do less in one tick, or raise "
            "timeoutSeconds of the Sensor",
        )
    return _decoded(data, status)


def _child(
    act: Callable[[], TickReply], reader: int, writer: int, lifeline: int, parents_end: int
) -> None:
    """Evaluate, answer, end; never returns."""
    code = 1
    try:
        os.close(reader)
        os.close(parents_end)
        lead_group(lifeline)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        data = json.dumps(encode(act())).encode() + b"\n"
        view = memoryview(data)
        while view:
            view = view[os.write(writer, view) :]
        code = 0
    except BaseException as error:  # noqa: BLE001  # the parent says that it ended without an answer
        sys.stderr.write(f"opweave: the evaluation ended: {type(error).__name__}: {error}\n")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _read(reader: int, deadline: float) -> bytes | None:
    """Return what the child has written until it closed its end; None when its time was over."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    chunks: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return None
        chunk = os.read(reader, 1024 * 1024)
        size += len(chunk)
        chunks.append(chunk)
        # JSON in one line: a process that user code left behind may hold the pipe open.
        if not chunk or chunk.endswith(b"\n") or size > MAX_REPLY_BYTES:
            return b"".join(chunks)


def _decoded(data: bytes, status: int) -> TickReply:
    if len(data) > MAX_REPLY_BYTES:
        return _failed(
            "TooLarge",
            f"the answer has more than {MAX_REPLY_BYTES} bytes; ask for less in one tick",
        )
    if not data:
        code = os.waitstatus_to_exitcode(status)
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return _failed(
            "Crashed",
            f"the evaluation's process ended without an answer ({how}); the code server's log tells more",
        )
    try:
        return decode(TickReply, json.loads(data))
    except ValueError as error:
        return _failed("InvalidResult", f"the evaluation's answer cannot be read: {error}")


# Any: every kind of trouble becomes the same message.
def _failed(reason: str, message: Any) -> TickReply:
    return TickReply(failure=TickFailure(reason=reason, message=str(message)))
