"""How long to wait before a request is sent again."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 5.0
LONGEST_RETRY_AFTER_SECONDS = 30.0
"""A server that asks for more is asked again sooner; the caller's patience ends first."""


def delay_seconds(failures: int, retry_after: str | None = None) -> float:
    """Return the wait after *failures* failures in a row, at least 1.

    Grows by doubling with full jitter, so that many clients do not come back at one moment; *retry_after*, the header of
    the answer in seconds, is obeyed up to a limit.
    """
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16))
    jittered = random.uniform(ceiling / 2, ceiling)  # noqa: S311  # spreads load, protects nothing
    if retry_after is not None and retry_after.isdecimal():
        return min(float(retry_after[:6]), LONGEST_RETRY_AFTER_SECONDS) + jittered
    return jittered
