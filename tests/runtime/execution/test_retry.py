"""When a failed try is followed by another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave import Backoff, Failure, Jitter, RetryPolicy, RetryRequested
from opweave.execution.retry import MAX_DELAY_SECONDS, Retry, delay_seconds, next_try


def chance() -> float:
    return 0.25


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (RetryPolicy(3), [0, 0, 0]),
        (RetryPolicy(3, delay=2), [2, 2, 2]),
        (RetryPolicy(3, delay=2, backoff=Backoff.LINEAR), [2, 4, 6]),
        (RetryPolicy(3, delay=2, backoff=Backoff.EXPONENTIAL), [2, 6, 14]),
        (RetryPolicy(3, delay=4, jitter=Jitter.FULL), [1, 1, 1]),
        (RetryPolicy(3, delay=4, jitter=Jitter.PLUS_MINUS), [2, 2, 2]),
        (RetryPolicy(3, delay=4, backoff=Backoff.LINEAR, jitter=Jitter.PLUS_MINUS), [2, 6, 10]),
        (RetryPolicy(3, delay=4, backoff=Backoff.EXPONENTIAL, jitter=Jitter.FULL), [1, 3, 7]),
    ],
)
def test_delays_follow_the_policy(policy: RetryPolicy, expected: list[float]) -> None:
    assert [delay_seconds(policy, number, chance) for number in (1, 2, 3)] == expected


@given(
    delay=st.floats(0, 1e300),
    backoff=st.sampled_from([None, *Backoff]),
    jitter=st.sampled_from([None, *Jitter]),
    number=st.integers(1, 100_000),
    share=st.floats(0, 1, exclude_max=True),
)
def test_every_delay_is_a_time_that_can_be_waited(
    delay: float, backoff: Any, jitter: Any, number: int, share: float
) -> None:
    policy = RetryPolicy(1, delay=delay, backoff=backoff, jitter=jitter)
    assert 0 <= delay_seconds(policy, number, lambda: share) <= MAX_DELAY_SECONDS


@pytest.mark.parametrize(
    ("error", "policy", "retries_done", "expected"),
    [
        (ValueError(), None, 0, None),
        (ValueError(), RetryPolicy(2), 1, Retry(0)),
        (ValueError(), RetryPolicy(2), 2, None),
        (ValueError(), RetryPolicy(0), 0, None),
        (Failure("x"), RetryPolicy(1), 0, Retry(0)),
        (Failure("x", allow_retries=False), RetryPolicy(1), 0, None),
        (RetryRequested(2, 1.5), None, 1, Retry(1.5)),
        (RetryRequested(2, 1.5), RetryPolicy(9), 2, None),
        (RetryRequested(1, -3), None, 0, Retry(0)),
    ],
)
def test_what_follows_an_error(
    error: Exception, policy: RetryPolicy | None, retries_done: int, expected: Retry | None
) -> None:
    assert next_try(error, policy, retries_done, chance) == expected
