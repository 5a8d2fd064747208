"""When a step is tried again in its own process."""

from __future__ import annotations

from opweave import errors
from opweave.wire import plan as wire_plan
from opweave.wire.plan import Backoff, Jitter

MAX_RETRIES = 100_000


class RetryPolicy:
    """Retries of an op whose body, inputs, outputs or resources raise.

    Args:
        max_retries: Tries after the first.
        delay: Seconds before the first retry; None means at once.
        backoff: How the delay grows: ``LINEAR`` by *delay* each time, ``EXPONENTIAL`` doubling.
        jitter: How the delay is randomised: ``FULL`` between 0 and it, ``PLUS_MINUS`` by up to *delay* either way.

    Raises:
        OpweaveInvalidDefinitionError: A number is out of range, or *backoff* or *jitter* stand without *delay*.
    """

    def __init__(
        self,
        max_retries: int = 1,
        delay: float | None = None,
        backoff: Backoff | None = None,
        jitter: Jitter | None = None,
    ) -> None:
        if max_retries not in range(MAX_RETRIES + 1):
            raise errors.OpweaveInvalidDefinitionError(
                f"RetryPolicy(max_retries={max_retries!r:.40}) must be between 0 and {MAX_RETRIES}"
            )
        if delay is not None and not 0 <= delay < float("inf"):
            raise errors.OpweaveInvalidDefinitionError(
                f"RetryPolicy(delay={delay!r:.40}) must be a number of seconds, 0 or more"
            )
        if delay is None and (backoff or jitter):
            raise errors.OpweaveInvalidDefinitionError(
                "RetryPolicy with backoff or jitter needs a delay that they change: give delay=, in seconds"
            )
        self.max_retries = max_retries
        self.delay = delay
        self.backoff = backoff
        self.jitter = jitter

    def to_wire(self) -> wire_plan.RetryPolicy:
        """Return the message that plans carry."""
        return wire_plan.RetryPolicy(
            max_retries=self.max_retries,
            delay_seconds=self.delay,
            backoff=self.backoff,
            jitter=self.jitter,
        )


__all__ = ["Backoff", "Jitter", "RetryPolicy"]
