"""The time limit of an op's body: the tag ``opweave/max_runtime``.

The limit is enforced by an alarm of the process (SIGALRM), which interrupts the body in the main thread wherever it is; its
``finally`` blocks and the tearing down of resources run. Two things it cannot do: interrupt code that never comes back to the
interpreter, as a long call into C that does not look at signals, and interrupt a body that does not run in the main thread.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from opweave import errors
from opweave.config.problems import shown

if TYPE_CHECKING:
    from opweave.definitions.structure import OpNode

MAX_RUNTIME_TAG = "opweave/max_runtime"
"""On an op: seconds from the start of its body after which a try of the step is stopped."""

AGAIN_SECONDS = 30.0
"""A body that goes on although it was interrupted is interrupted again after this; it is time for its clean-up."""


class TimeUp(BaseException):
    """Raised in the body: no ``except Exception`` of the user's code is to swallow it."""


def limit_of(node: OpNode, job: object) -> float | None:
    """Return the limit of *node* in *job* in seconds; None when it has none.

    Raises:
        OpweaveInvalidDefinitionError: The tag is no number above 0.
    """
    value = node.tags.get(MAX_RUNTIME_TAG)
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise errors.OpweaveInvalidDefinitionError(
            f"{node.path!r} in {job} has the tag {MAX_RUNTIME_TAG} with {shown(value)}: give a number of seconds above 0"
        )
    return seconds


class TimeLimit:
    """Interrupts what runs under `running` when it takes longer than *seconds*."""

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._is_running = False
        self._is_held = False
        self._is_pending = False
        self._tell_unraisable = sys.unraisablehook

    @contextmanager
    def running(self) -> Iterator[None]:
        """Limit the block; each use begins anew.

        Raises:
            OpweaveOpTimedOutError: It took too long.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        began = time.monotonic()
        others_seconds, others_interval = signal.setitimer(signal.ITIMER_REAL, 0)
        before = signal.signal(signal.SIGALRM, self._ring)
        self._tell_unraisable, sys.unraisablehook = sys.unraisablehook, self._not_raised
        self._is_running, self._is_pending = True, False
        try:
            signal.setitimer(signal.ITIMER_REAL, self._seconds, AGAIN_SECONDS)
            try:
                yield
            finally:
                self._is_running = False
        except TimeUp:
            raise errors.OpweaveOpTimedOutError(
                f"the op {self._path!r} was stopped: it ran longer than its limit of {self._seconds:g} s "
                f"(tag {MAX_RUNTIME_TAG})"
            ) from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.unraisablehook = self._tell_unraisable
            signal.signal(signal.SIGALRM, before)
            if others_seconds:  # somebody's own alarm, as that of a test runner, goes on
                left = max(others_seconds - (time.monotonic() - began), 0.001)
                signal.setitimer(signal.ITIMER_REAL, left, others_interval)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put the interruption off until the end of the block; other threads than the main one never see it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        outer, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = outer
        if self._is_pending and not outer:
            self._is_pending = False
            raise TimeUp

    def _not_raised(self, told: sys.UnraisableHookArgs) -> None:
        """Ring again soon where the interruption fell into a call that the interpreter lets no exception out of: a finalizer."""
        if isinstance(told.exc_value, TimeUp):
            signal.setitimer(signal.ITIMER_REAL, 0.001, AGAIN_SECONDS)
        else:
            self._tell_unraisable(told)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if not self._is_running:
            return
        if self._is_held:
            self._is_pending = True
            return
        raise TimeUp
