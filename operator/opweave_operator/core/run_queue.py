"""Which queued runs may start now."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from opweave_operator.core import model


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLimit:
    """How many runs with a tag may be active at once.

    Attributes:
        value: The value of the tag to which it applies; None gives each value a limit of its own.
    """

    key: str
    value: str | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """Limits on runs that are active at once; None means no limit.

    Attributes:
        per_job_resource: By (namespace, name) of the declared job.
        tag_limits: A run must satisfy all that apply to it.
    """

    max_concurrent_runs: int | None = None
    per_job_resource: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tag_limits: tuple[TagLimit, ...] = ()
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The runs to start, and for each other queued run why it waits."""

    admitted: tuple[model.RunId, ...]
    waiting: Mapping[model.RunId, str]


class _Bound(NamedTuple):
    """A limit as one run meets it: runs with the same *group* share it."""

    group: Hashable
    limit: int
    described: str


def select(
    queued: Sequence[model.Run], active: Iterable[model.Run], limits: QueueLimits
) -> Admission:
    """Return which of *queued* may start beside *active*.

    Higher priority goes first. Among equals the next place goes to the code location with the fewest active runs, and there
    to the oldest run, so that one location's backlog does not shut out the others. A run that a limit of its job or of a tag
    holds back does not hold back others behind it.
    """
    bounds = _BoundsOf(limits)
    total = 0
    counts: Counter[Hashable] = Counter()
    by_location: Counter[model.LocationRef] = Counter()
    for run in active:
        total += 1
        by_location[run.location] += 1
        counts.update(bound.group for bound in bounds.of(run).bounds)
    admitted: list[model.RunId] = []
    waiting: dict[model.RunId, str] = {}
    instance_obstacle = _instance_obstacle(total, limits)
    for run in _in_turn(queued, by_location):
        kind = bounds.of(run)
        reason = instance_obstacle or kind.obstacle
        if not reason:
            # Counts only grow here: what holds one run back holds back all of its kind.
            reason = kind.obstacle = _obstacle(kind.bounds, counts)
        if reason:
            waiting[run.id] = reason
            continue
        admitted.append(run.id)
        total += 1
        by_location[run.location] += 1
        instance_obstacle = _instance_obstacle(total, limits)
        counts.update(bound.group for bound in kind.bounds)
    return Admission(admitted=tuple(admitted), waiting=waiting)


def _in_turn(
    queued: Sequence[model.Run], active: Mapping[model.LocationRef, int]
) -> Iterator[model.Run]:
    """Yield *queued* in the order of their turns; the caller counts up *active* for each run that it lets start."""
    ordered = sorted(queued, key=lambda run: (-run.priority, run.created_at, run.id))
    for _, equals in itertools.groupby(ordered, key=lambda run: run.priority):
        lines: dict[model.LocationRef, deque[model.Run]] = {}
        for run in equals:
            lines.setdefault(run.location, deque()).append(run)
        turns = [_turn(line[0], active) for line in lines.values()]
        heapq.heapify(turns)
        while turns:
            line = lines[turns[0][-1].location]
            yield line.popleft()
            if line:
                heapq.heapreplace(turns, _turn(line[0], active))
            else:
                heapq.heappop(turns)


_Turn = tuple[int, datetime, model.RunId, model.Run]
"""Orders locations by their active runs, then by the age of the run that is first in their line."""


def _turn(run: model.Run, active: Mapping[model.LocationRef, int]) -> _Turn:
    return active.get(run.location, 0), run.created_at, run.id, run


@dataclass(slots=True)
class _Kind:
    """Runs that are alike to every limit, and what holds them back if something does."""

    bounds: tuple[_Bound, ...]
    obstacle: str = ""


class _BoundsOf:
    """The kinds of runs, few beside the runs, so that a long queue is judged quickly."""

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._keys = tuple(dict.fromkeys(limit.key for limit in limits.tag_limits))
        self._known: dict[Hashable, _Kind] = {}

    def of(self, run: model.Run) -> _Kind:
        """Return the kind of *run*."""
        tags = run.tags
        kind = (run.location.namespace, run.job_resource, *[tags.get(key) for key in self._keys])
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = _Kind(tuple(_bounds(run, self._limits)))
        return found


def _bounds(run: model.Run, limits: QueueLimits) -> Iterator[_Bound]:
    """Yield the limits that apply to *run*, each group once, the tightest of its limits."""
    if run.job_resource is not None:
        key = (run.location.namespace, run.job_resource)
        limit = limits.per_job_resource.get(key)
        if limit is not None:
            yield _Bound(("job", *key), limit, f" of {run.job_resource}")
    tightest: dict[Hashable, _Bound] = {}
    for tag in limits.tag_limits:
        value = run.tags.get(tag.key)
        if value is None or tag.value not in (None, value):
            continue
        group = ("tag", tag.key, value)
        bound = _Bound(group, tag.limit, f" with tag {tag.key}={_short(value)}")
        tightest[group] = min(tightest.get(group, bound), bound, key=lambda b: b.limit)
    yield from tightest.values()


def _instance_obstacle(total: int, limits: QueueLimits) -> str:
    if limits.is_paused:
        return "launches are paused by the instance"
    if limits.max_concurrent_runs == 0:
        return "the instance's limit of concurrent runs is 0, which holds back every launch"
    if limits.max_concurrent_runs is not None and total >= limits.max_concurrent_runs:
        return f"{_active(total)}, the instance's limit is {limits.max_concurrent_runs}"
    return ""


def _obstacle(bounds: Iterable[_Bound], counts: Counter[Hashable]) -> str:
    for bound in bounds:
        if counts[bound.group] >= bound.limit:
            return f"{_active(counts[bound.group], bound.described)}, its limit is {bound.limit}"
    return ""


def _active(count: int, of: str = "") -> str:
    return f"{count} run{of} is active" if count == 1 else f"{count} runs{of} are active"


def _short(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:60]}…"
