"""How long to wait before a request is sent again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

FIRST_DELAY_SECONDS = 0.1
MAX_DELAY_SECONDS = 3.0
"""Short, because a controller that restarts is back within seconds and a hand-off waits for it."""


class Backoff:
    """Delays that double, shortened at random by up to a half, until *limit_seconds* have passed since the first failure."""

    def __init__(
        self, limit_seconds: float, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_seconds = limit_seconds
        self._monotonic = monotonic
        self._delay_seconds = FIRST_DELAY_SECONDS
        self._gives_up_at: float | None = None

    def next_delay(self, asked_seconds: float | None = None) -> float | None:
        """Return the seconds to wait after one more failure, or None to give up.

        Args:
            asked_seconds: What the server asked for (``Retry-After``); bounded by the limit.
        """
        now = self._monotonic()
        if self._gives_up_at is None:
            self._gives_up_at = now + self._limit_seconds
        left = self._gives_up_at - now
        if left <= 0:
            return None
        # Not `random`, which costs 3 ms to import.
        delay = self._delay_seconds * (0.5 + os.urandom(1)[0] / 510)
        self._delay_seconds = min(self._delay_seconds * 2, MAX_DELAY_SECONDS)
        return min(max(delay, asked_seconds or 0.0), left)
