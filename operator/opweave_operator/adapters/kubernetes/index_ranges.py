"""Completion indexes as Kubernetes writes them: ``0,3-5,7``."""

from __future__ import annotations

from collections.abc import Iterable


def render(indexes: Iterable[int]) -> str:
    """Return *indexes* in increasing order, runs of three and more folded.

    Source: batch/v1 JobStatus.completedIndexes; two neighbours may be written either way, the API server takes both.
    """
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(set(indexes)), None]:
        if run and (index is None or index != run[-1] + 1):
            parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        if index is not None:
            run.append(index)
    return ",".join(parts)
