"""Medians with their spread, and how they are printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], unit: str = "s", digits: int = 3) -> str:
    """Return ``median (min-max, n)`` of *values*."""
    middle = statistics.median(values)
    low, high = min(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}-{high:.{digits}f}, n={len(values)})"


def row(name: str, ours: str, floor: str, ratio: float | None, goal: str) -> str:
    """Return one line of the table."""
    shown = "-" if ratio is None else f"{ratio:.2f}"
    return f"| {name} | {ours} | {floor} | {shown} | {goal} |"


HEADER = "| what | opweave | beside it | ratio | goal |\n|---|---|---|---|---|"
