"""`storage/run_cache.py`."""

from __future__ import annotations

from opweave_operator.core import model
from opweave_operator.storage.run_cache import CachedRun, RunCache
from run_builders import a_run


class Generation:
    """The generation of a database's connections, moved by hand."""

    number = 1

    def __call__(self) -> int:
        return self.number


def cached(run: model.Run, revision: int, generation: int = 1, steps: int = 1) -> CachedRun:
    keys = [model.StepKey(f"s{n}") for n in range(steps)]
    return CachedRun(
        generation=generation,
        revision=revision,
        plan_revision=0,
        state=model.RunState(run=run, steps={k: model.Step(key=k, index=0) for k in keys}),
    )


def test_an_older_state_does_not_replace_a_newer_one() -> None:
    """Answers of several threads arrive in any order."""
    cache, run = RunCache(Generation()), a_run()
    cache.put(cached(run, 5))
    cache.put(cached(run, 4))
    found = cache.get(run.id)
    assert found is not None
    assert found.revision == 5


def test_a_new_connection_makes_all_void() -> None:
    generation, run = Generation(), a_run()
    cache = RunCache(generation)
    cache.put(cached(run, 5))
    generation.number = 2
    assert cache.get(run.id) is None
    cache.put(cached(run, 3, generation=2))
    found = cache.get(run.id)
    assert found is not None
    assert found.revision == 3


def test_runs_that_were_not_used_are_forgotten_first() -> None:
    cache = RunCache(Generation(), max_steps=10)
    runs = [a_run() for _ in range(3)]
    for run in runs[:2]:
        cache.put(cached(run, 1, steps=4))
    cache.get(runs[0].id)
    cache.put(cached(runs[2], 1, steps=4))
    assert [cache.get(run.id) is not None for run in runs] == [True, False, True]


def test_a_run_that_is_too_large_is_not_kept() -> None:
    cache, run = RunCache(Generation(), max_steps=10), a_run()
    cache.put(cached(run, 1, steps=11))
    assert cache.get(run.id) is None
