"""How fast one attempt may report: a token bucket per attempt, in this process.

The cap is generous: it stops a loop that floods the log, not a busy step.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from opweave_operator import ports

_MOST_ATTEMPTS = 10_000
"""Buckets kept; the least recently used one goes first, and comes back full."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class EventRate:
    """Token buckets, one per attempt.

    Args:
        events_per_second: How fast a bucket fills.
        burst: How much it holds.
    """

    def __init__(self, events_per_second: float, burst: int) -> None:
        self._events_per_second = events_per_second
        self._burst = burst
        self._buckets: OrderedDict[ports.AttemptRef, _Bucket] = OrderedDict()

    def take(self, ref: ports.AttemptRef, events: int, now: datetime) -> float:
        """Take *events* from the bucket of *ref*; return 0, or the seconds to wait if it holds too few."""
        bucket = self._buckets.get(ref)
        if bucket is None:
            bucket = self._buckets[ref] = _Bucket(tokens=self._burst, at=now)
            if len(self._buckets) > _MOST_ATTEMPTS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(ref)
        passed = max(0.0, (now - bucket.at).total_seconds())
        bucket.tokens = min(self._burst, bucket.tokens + passed * self._events_per_second)
        bucket.at = now
        if bucket.tokens < events:
            return (events - bucket.tokens) / self._events_per_second
        bucket.tokens -= events
        return 0.0
