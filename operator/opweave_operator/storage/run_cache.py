"""Runs as this process last saw them committed, so that a change loads only what has changed since."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable
from dataclasses import dataclass

from opweave_operator.core import model

_MAX_STEPS = 20_000
"""Bounds the memory: about 1 kB a step, its part of the plan included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRun:
    """A committed state of a run.

    Attributes:
        generation: Of the database's connections (`Database.generation`) by which it was read.
    """

    generation: int
    revision: int
    plan_revision: int
    state: model.RunState


class RunCache:
    """The runs that were used last. Safe to use from several threads.

    It is never wrong, only old: a reader compares its revision with that of the run's row and loads the difference.
    Only committed states may be put in. A new connection makes all of it void: it may lead to a standby that took over
    without the last commits.

    Args:
        current_generation: Returns `Database.generation`.
        max_steps: Of all runs together.
    """

    def __init__(self, current_generation: Callable[[], int], max_steps: int = _MAX_STEPS) -> None:
        self.current_generation = current_generation
        self._max_steps = max_steps
        self._runs: collections.OrderedDict[model.RunId, CachedRun] = collections.OrderedDict()
        self._steps = 0
        self._lock = threading.Lock()

    def get(self, run_id: model.RunId) -> CachedRun | None:
        """Return the run, or None. Called within the transaction that uses it, which may be on a new connection."""
        generation = self.current_generation()
        with self._lock:
            cached = self._runs.get(run_id)
            if cached is None or cached.generation != generation:
                return None
            self._runs.move_to_end(run_id)
            return cached

    def put(self, cached: CachedRun) -> None:
        """Remember a committed state, unless a newer one is known, and forget runs that were not used for long."""
        run_id = cached.state.run.id
        with self._lock:
            known = self._runs.get(run_id)
            if known is not None and (known.generation, known.revision) > (
                cached.generation,
                cached.revision,
            ):
                return
            self._remove(run_id)
            self._runs[run_id] = cached
            self._steps += _weight(cached)
            while self._steps > self._max_steps:
                self._remove(next(iter(self._runs)))

    def _remove(self, run_id: model.RunId) -> None:
        removed = self._runs.pop(run_id, None)
        if removed is not None:
            self._steps -= _weight(removed)


def _weight(cached: CachedRun) -> int:
    return len(cached.state.steps) + 1
