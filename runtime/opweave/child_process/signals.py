"""Signals and news from other threads, as something that the supervisor's main thread can wait for."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType


class SignalInbox:
    """Wakes the main thread for SIGTERM, SIGINT, the end of a child, and whenever `wake` is called.

    Made first of all: process 1 of a container does not even receive a signal that it has no handler for.

    Attributes:
        is_stop_asked: SIGTERM or SIGINT has come.
        descriptor: Readable when there is something to look at.
    """

    def __init__(self) -> None:
        self.is_stop_asked = False
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._ask_stop)
        signal.signal(signal.SIGINT, self._ask_stop)
        signal.signal(signal.SIGCHLD, _ignore)

    def wake(self) -> None:
        """Wake the main thread; callable from any thread."""
        with contextlib.suppress(BlockingIOError):  # full: it will wake anyway
            os.write(self._writer, b"\0")

    def clear(self) -> None:
        """Forget the reasons for having been woken; look at the world after it, not before."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, 4096):
                pass

    def _ask_stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stop_asked = True


def _ignore(number: int, frame: FrameType | None) -> None:
    """Be a handler: only then does the signal reach the wake-up descriptor."""
