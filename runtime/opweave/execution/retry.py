"""Whether a failed try of a step is followed by another in the same process, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from opweave.definitions.events import Failure, RetryRequested
from opweave.definitions.retry_policy import Backoff, Jitter, RetryPolicy

MAX_DELAY_SECONDS = 7 * 24 * 3600.0
"""No delay is longer: exponential growth must not overflow."""


class Retry(NamedTuple):
    """Another try comes, after *delay_seconds*."""

    delay_seconds: float


def next_try(
    error: BaseException,
    policy: RetryPolicy | None,
    retries_done: int,
    random: Callable[[], float],
) -> Retry | None:
    """Return what follows a try that *error* ended; None means that the step has failed.

    Args:
        error: What the user's code raised.
        policy: Of the step.
        retries_done: Tries before this one.
        random: Gives numbers from 0 to 1.
    """
    if isinstance(error, RetryRequested):
        if retries_done >= error.max_retries:
            return None
        return Retry(max(error.seconds_to_wait or 0.0, 0.0))
    if isinstance(error, Failure) and not error.allow_retries:
        return None
    if policy is None or retries_done >= policy.max_retries:
        return None
    return Retry(delay_seconds(policy, retries_done + 1, random))


def delay_seconds(policy: RetryPolicy, number: int, random: Callable[[], float]) -> float:
    """Return the delay before retry *number*, counted from 1.

    Source: the field's own formulas: linear d*n, exponential d*(2^n - 1); full jitter a share of that, plus-minus jitter up
    to d either way.
    """
    base = min(policy.delay or 0.0, MAX_DELAY_SECONDS)
    if policy.backoff is Backoff.LINEAR:
        delay = base * number
    elif policy.backoff is Backoff.EXPONENTIAL:
        delay = base * (2.0 ** min(number, 100) - 1)
    else:
        delay = base
    if policy.jitter is Jitter.FULL:
        delay *= random()
    elif policy.jitter is Jitter.PLUS_MINUS:
        delay += base * (2 * random() - 1)
    return min(max(delay, 0.0), MAX_DELAY_SECONDS)
