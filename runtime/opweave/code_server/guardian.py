"""The process that people start: it watches over the one that loads the user's code.

It holds the socket, copies the output and keeps its end. When the code ends the process at import (``os._exit``, a crash in
a C extension), the guardian answers in its place, so that the reason stands where people look instead of a restart loop.
When a location that served dies, it dies too and whoever started it may start it again. Nothing is forked after user code
was imported.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

from opweave.child_process.output import OutputCopy
from opweave.child_process.process_group import lead_group
from opweave.child_process.signals import SignalInbox
from opweave.child_process.standard_streams import redirect_standard_streams
from opweave.code_server.location_state import LocationState
from opweave.code_server.output_tail import OutputTail
from opweave.code_server.server import CodeServer
from opweave.loading import LoadError

if TYPE_CHECKING:
    from opweave.code_server.main import ServerOptions

STOP_GRACE_SECONDS = 3.0
PARENT_POLL_SECONDS = 0.5
DRAIN_SECONDS = 1.0
_BLOCKED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


class Guardian:
    """Starts the server's process and stands in for it when it dies while loading."""

    def __init__(self, options: ServerOptions, listener: socket.socket) -> None:
        self._options = options
        self._listener = listener
        self._inbox = SignalInbox()
        self._tail = OutputTail()
        self._was_ready = mmap.mmap(-1, 1)
        self._pid = 0

    def run(self) -> int:
        """Serve until told to stop; return the exit code."""
        stdout, stderr, lifeline = os.pipe(), os.pipe(), os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        self._pid = os.fork()
        if self._pid == 0:
            for descriptor in (stdout[0], stderr[0], lifeline[1]):
                os.close(descriptor)
            self._serve(lifeline[0], stdout[1], stderr[1])
        for descriptor in (stdout[1], stderr[1], lifeline[0]):
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)
        copies = [
            OutputCopy(stdout[0], 1, self._tail.write),
            OutputCopy(stderr[0], 2, self._tail.write),
        ]
        for copy in copies:
            copy.begin()
        status = self._wait_for_end()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)  # what the code has started ends with it
        for copy in copies:
            copy.finish(DRAIN_SECONDS)
        if status is None or self._inbox.is_stop_asked or self._is_orphaned():
            return 0
        return _as_exit_code(status) if self._was_ready[0] else self._stand_in(status)

    def _serve(self, lifeline: int, stdout: int, stderr: int) -> None:
        from opweave.code_server.serving import serve  # noqa: PLC0415 - only the child needs it

        lead_group(lifeline)
        console = os.dup(2)
        redirect_standard_streams(stdout, stderr)
        serve(self._options, self._listener, self._tail, console, self._note_ready)

    def _note_ready(self) -> None:
        self._was_ready[0] = 1

    def _wait_for_end(self) -> int | None:
        """Wait for the child to end, having passed on the wish to stop; return its status, None when it was killed."""
        grace: float | None = None
        while True:
            status = self._reap()
            if status is not None:
                return status
            if grace is None and (self._inbox.is_stop_asked or self._is_orphaned()):
                grace = STOP_GRACE_SECONDS
                os.kill(self._pid, signal.SIGTERM)
            if not self._sleep(grace) and grace is not None:
                os.killpg(self._pid, signal.SIGKILL)
                return None

    def _stand_in(self, status: int) -> int:
        """Answer for a child that ended while it loaded, until told to stop."""
        state = LocationState(_version(), self._tail.text)
        state.fail(LoadError("ImportFailed", _told(status)))
        server = CodeServer(self._listener, state, self._options.token, self._options.worker)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while not (self._inbox.is_stop_asked or self._is_orphaned()):
            self._sleep(None)
            self._reap()
        return 0

    def _sleep(self, seconds: float | None) -> bool:
        """Wait for a signal; return whether there was one before *seconds* had passed."""
        poll = select.poll()
        poll.register(self._inbox.descriptor, select.POLLIN)
        if seconds is None and self._options.watched_parent is not None:
            seconds = PARENT_POLL_SECONDS
        is_woken = bool(poll.poll(None if seconds is None else seconds * 1000))
        self._inbox.clear()
        return is_woken

    def _reap(self) -> int | None:
        """Bury children, as process 1 must; return the status of the server's process once it has ended."""
        ended: int | None = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid == self._pid:
                ended = status

    def _is_orphaned(self) -> bool:
        parent = self._options.watched_parent
        return parent is not None and os.getppid() != parent


def _told(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    how = f"ended the process with exit code {code} (os._exit?)"
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}; the server's log tells where it stood"
    return f"loading the code {how}; code must not end the process when it is imported"


def _as_exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _version() -> str:
    return str(getattr(sys.modules["opweave"], "__version__", ""))
