"""Which ticks of a schedule are due, and which missed ones are made up for. Pure; `usecases/evaluate_ticks.py` calls it.

The identity of a tick is its instigator and its time, so finding the same tick due twice is harmless.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from opweave_operator.core.cron import Cron

ON_TIME = timedelta(seconds=60)
"""A tick that is younger is not missed, only late: a controller that is replaced takes some seconds."""
ALL_DEADLINE_SECONDS = 86_400
"""`CatchUp.ALL` without a deadline of its own."""
MOST_MADE_UP = 1000
"""The newest missed ticks that `CatchUp.ALL` makes up for."""


class CatchUp(enum.StrEnum):
    """Which missed ticks are made up for."""

    NONE = "None"
    LATEST = "Latest"
    ALL = "All"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePolicy:
    """How missed ticks are treated; *deadline_seconds* None means none with LATEST, a day with ALL."""

    catch_up: CatchUp = CatchUp.LATEST
    deadline_seconds: int | None = None


def due(cron: Cron, position_at: datetime, now: datetime, policy: DuePolicy) -> list[datetime]:
    """Return the ticks to evaluate now, oldest first.

    Args:
        cron: When it ticks.
        position_at: Up to here all ticks are dealt with. When it lies ahead of *now*, the clock went back, and nothing is
            due before the clock has moved on.
        now: The present.
        policy: Which missed ticks count.
    """
    if position_at >= now:
        return []
    earliest = max(position_at, _earliest(now, policy))
    if policy.catch_up is CatchUp.ALL:
        return list(deque(cron.between(earliest, now), maxlen=MOST_MADE_UP))
    on_time = list(cron.between(max(position_at, now - ON_TIME), now))
    if on_time or policy.catch_up is CatchUp.NONE:
        return on_time
    latest = cron.last_until(now)
    return [latest] if latest > earliest else []


def _earliest(now: datetime, policy: DuePolicy) -> datetime:
    """Return the moment after which a missed tick may be made up for."""
    seconds = policy.deadline_seconds
    if seconds is None:
        if policy.catch_up is not CatchUp.ALL:
            return datetime.min.replace(tzinfo=now.tzinfo)
        seconds = ALL_DEADLINE_SECONDS
    return now - max(timedelta(seconds=seconds), ON_TIME)


def position_in_force(position_at: datetime, now: datetime) -> datetime:
    """Return the position after a clock that showed the future was put right: never more than `ON_TIME` ahead of *now*.

    Without it a schedule that was evaluated under a clock a year ahead would be silent for a year.
    """
    return min(position_at, now + ON_TIME)
