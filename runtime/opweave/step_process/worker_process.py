"""The worker as its supervisor sees it: a process that leads a group, is told to stop, killed and buried."""

from __future__ import annotations

import contextlib
import os
import signal
import time


class WorkerProcess:
    """The worker's process and its group.

    Attributes:
        kill_at: When it gets SIGKILL, by the monotonic clock.
        status: Wait status, once it has ended.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_stopped = False
        self.kill_at: float | None = None
        self.has_ended = False
        self.was_killed = False
        self.status = 0

    def look(self) -> None:
        """Bury every child that has ended, and kill the worker's group when it is time or its leader is gone."""
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            self.kill()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self.has_ended, self.status, self.kill_at = True, status, None
                self._kill_group()

    def stop(self, grace_seconds: float) -> None:
        """Send SIGTERM, once, and SIGKILL after *grace_seconds*."""
        if self._is_stopped or self.has_ended:
            return
        self._is_stopped = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        self.kill_after(grace_seconds)

    def kill_after(self, seconds: float) -> None:
        """Send SIGKILL to the group in *seconds*, or earlier if that was planned."""
        moment = time.monotonic() + seconds
        if not self.has_ended:
            self.kill_at = moment if self.kill_at is None else min(self.kill_at, moment)

    def kill(self) -> None:
        """Send SIGKILL to the whole group now."""
        self.kill_at = None
        if not self.has_ended:
            self.was_killed = True
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
