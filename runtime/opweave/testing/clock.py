"""A clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Stands still but for what is waited on it.

    Attributes:
        waits: Every wait, in seconds.
        chance: What `random` gives.
    """

    def __init__(self, now: datetime = START, chance: float = 0.5) -> None:
        self._now = now
        self.chance = chance
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Return the present."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Move on by *seconds* at once."""
        self.waits.append(seconds)
        self._now += timedelta(seconds=seconds)

    def random(self) -> float:
        """Return `chance`."""
        return self.chance
