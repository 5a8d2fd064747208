"""Time and chance as the execution of steps needs them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from opweave.deferred import deferred_module

if TYPE_CHECKING:
    import random
else:
    random = deferred_module("random")


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after *seconds*."""
        ...

    def random(self) -> float:
        """Return a number of at least 0 and below 1, for jitter."""
        ...


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        """Return the present."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Sleep; a signal's handler may end it by raising."""
        if seconds > 0:
            time.sleep(seconds)

    def random(self) -> float:
        """Return a pseudo-random number."""
        return random.random()
