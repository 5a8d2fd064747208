"""The operator's own budget of retries: for attempts that the infrastructure ended.

The user's retries are made inside the step's process and never come here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from opweave_operator.core import model

MAX_DELAY_SECONDS = 60.0
"""The delay doubles up to this: a node that is drained is back, or replaced, within a minute or so."""


def losses(step: model.Step) -> int:
    """Return how many attempts of *step* the infrastructure has ended."""
    return sum(1 for attempt in step.attempts if attempt.status is model.AttemptStatus.LOST)


def has_budget(step: model.Step, run: model.Run, policy: model.EnginePolicy) -> bool:
    """Return whether *step* may have another attempt; the run's own number goes before the instance's."""
    limit = run.max_infrastructure_retries
    return losses(step) <= (policy.max_infrastructure_retries if limit is None else limit)


def next_attempt_at(step: model.Step, policy: model.EnginePolicy, lost_at: datetime) -> datetime:
    """Return when the next attempt may start: the delay doubles with each loss, up to `MAX_DELAY_SECONDS`."""
    doubled = policy.infrastructure_retry_delay_seconds * 2 ** min(losses(step) - 1, 16)
    return lost_at + timedelta(seconds=min(doubled, MAX_DELAY_SECONDS))
