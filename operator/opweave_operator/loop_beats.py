"""When each of a process's loops last finished a round: what health checks and the Instance's status show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from opweave_operator import ports

STALE_AFTER = timedelta(seconds=30)
"""A loop that has not finished a round for so long is called unhealthy: rounds take about a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The last round of a loop; None when it has not finished one yet."""

    name: str
    last_at: datetime | None
    is_healthy: bool


class LoopBeats:
    """Collects the beats of named loops."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock
        self._beats: dict[str, datetime | None] = {}

    def of(self, name: str) -> Callable[[], None]:
        """Return the function by which the loop *name* tells that it finished a round."""
        self._beats[name] = None

        def beat() -> None:
            self._beats[name] = self._clock.now()

        return beat

    def read(self) -> list[Beat]:
        """Return the state of all loops by name."""
        now = self._clock.now()
        return [
            Beat(name=name, last_at=at, is_healthy=at is not None and now - at < STALE_AFTER)
            for name, at in sorted(self._beats.items())
        ]
