"""Which queued runs may start now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opweave_operator.core import model


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """Limits on runs that are active at once; None means no limit.

    Attributes:
        per_job_resource: By (namespace, name) of the declared job.
    """

    max_concurrent_runs: int | None = None
    per_job_resource: Mapping[tuple[str, str], int] = field(default_factory=dict)
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The runs to start, and for each other queued run why it waits."""

    admitted: tuple[model.RunId, ...]
    waiting: Mapping[model.RunId, str]


def select(
    queued: Sequence[model.Run], active: Iterable[model.Run], limits: QueueLimits
) -> Admission:
    """Return which of *queued* may start beside *active*.

    Higher priority goes first, then the older one. A run that a limit of its own job holds back does not hold back
    others behind it.
    """
    running = list(active)
    by_job = Counter(_job_key(run) for run in running)
    total = len(running)
    admitted: list[model.RunId] = []
    waiting: dict[model.RunId, str] = {}
    for run in sorted(queued, key=lambda r: (-r.priority, r.created_at, r.id)):
        reason = _obstacle(run, total, by_job, limits)
        if reason:
            waiting[run.id] = reason
            continue
        admitted.append(run.id)
        total += 1
        by_job[_job_key(run)] += 1
    return Admission(admitted=tuple(admitted), waiting=waiting)


def _obstacle(
    run: model.Run, total: int, by_job: Counter[tuple[str, str] | None], limits: QueueLimits
) -> str:
    if limits.is_paused:
        return "launches are paused by the instance"
    if limits.max_concurrent_runs is not None and total >= limits.max_concurrent_runs:
        return f"{_active(total)}, the instance's limit is {limits.max_concurrent_runs}"
    key = _job_key(run)
    limit = limits.per_job_resource.get(key) if key else None
    if limit is not None and by_job[key] >= limit:
        return f"{_active(by_job[key], f' of {run.job_resource}')}, its limit is {limit}"
    return ""


def _active(count: int, of: str = "") -> str:
    return f"{count} run{of} is active" if count == 1 else f"{count} runs{of} are active"


def _job_key(run: model.Run) -> tuple[str, str] | None:
    return (run.location.namespace, run.job_resource) if run.job_resource else None
