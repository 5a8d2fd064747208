"""Retry policies: what may be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import Backoff, Jitter, OpweaveInvalidDefinitionError, RetryPolicy
from opweave.wire import plan as wire


def test_a_policy_travels_with_all_its_parts() -> None:
    policy = RetryPolicy(3, delay=0.5, backoff=Backoff.LINEAR, jitter=Jitter.FULL)
    assert policy.to_wire() == wire.RetryPolicy(
        max_retries=3, delay_seconds=0.5, backoff=Backoff.LINEAR, jitter=Jitter.FULL
    )


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": -1},
        {"max_retries": 10**9},
        {"max_retries": "x"},
        {"delay": -0.1},
        {"delay": float("nan")},
        {"delay": float("inf")},
        {"backoff": Backoff.LINEAR},
        {"jitter": Jitter.FULL},
    ],
)
def test_a_policy_that_means_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="RetryPolicy"):
        RetryPolicy(**options)
