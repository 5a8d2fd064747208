"""SIGTERM to the worker, as an exception in the user's code."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Turns SIGTERM into an exception in the worker's main thread, once, and never in the middle of an event."""

    def __init__(self, exception: type[BaseException]) -> None:
        self._exception = exception
        self._main_thread = threading.get_ident()
        self._is_held = False
        self._is_pending = False

    def install(self) -> None:
        """Take over the signals from the supervisor, whose handlers the fork has copied."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, self._handle)
        os.register_at_fork(
            before=_hold_back, after_in_parent=_let_through, after_in_child=_let_end
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def ignore(self) -> None:
        """Let later signals pass: the outcome is known."""
        signal.signal(signal.SIGTERM, _pass)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put the exception off until the end of the block; other threads than the main one never see it."""
        if threading.get_ident() != self._main_thread:
            yield
            return
        outer, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = outer
        if self._is_pending and not outer:
            self._is_pending = False
            raise self._exception

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # The clean-up is not to be cut short by a second one.
        signal.signal(signal.SIGTERM, _pass)
        if self._is_held:
            self._is_pending = True
        else:
            raise self._exception


def _pass(number: int, frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN it is not inherited by the programs that a clean-up starts."""


# A process that user code forks ends at SIGTERM as it would without us. The signal is held back during the fork, because
# the interpreter forgets what reaches the new process before it is ready (CPython, _PySignal_AfterFork).


def _hold_back() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))


def _let_end() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_through()
