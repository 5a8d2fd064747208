"""The time line of a run: a bar per step that shows when it waited, started, worked and stored its outputs."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opweave._cli import moments, style

_LEGEND = "░ starting   █ working   ▒ storing outputs"
_LONGEST_NAME = 32
_NARROWEST_BAR = 20
_MOST_STEPS = 60
"""Longer runs would scroll away; their slowest steps are shown."""


def lines(run: Mapping[str, Any], width: int | None = None) -> list[str]:
    """Return the time line of a run with its steps; empty when nothing of it ran.

    Args:
        run: As `queries.RUN` returns it.
        width: Columns of the terminal; None asks it.
    """
    began, ended = (
        moments.parse(run["startTime"] or run["creationTime"]),
        moments.parse(run["endTime"]),
    )
    steps = [step for step in run["steps"] if _points(step)]
    if began is None or ended is None or not steps:
        return []
    total = max((ended - began).total_seconds(), 0.001)
    if len(steps) > _MOST_STEPS:
        slowest = sorted(steps, key=_seconds, reverse=True)[:_MOST_STEPS]
        steps = [step for step in steps if step in slowest]
    name_width = min(_LONGEST_NAME, max(len(step["stepKey"]) for step in steps))
    columns = width or shutil.get_terminal_size((100, 24)).columns
    bar_width = max(_NARROWEST_BAR, columns - name_width - 14)
    axis = moments.duration(total).rjust(bar_width - 3)
    drawn = [f"  {'':<{name_width}}  0 s{axis}"]
    for step in steps:
        name = style.safe_line(step["stepKey"])
        shown = name if len(name) <= name_width else name[: name_width - 1] + "…"
        bar = _bar(step, began, total, bar_width)
        coloured = style.status(bar, step["status"])
        drawn.append(
            f"  {shown:<{name_width}}  {coloured}  {moments.duration(_seconds(step))}".rstrip()
        )
    drawn.append(style.dim(f"  {'':<{name_width}}  {_LEGEND}"))
    return drawn


def _points(step: Mapping[str, Any]) -> list[tuple[datetime, str]]:
    """Return when each phase of the newest attempt began, with the mark of that phase; the last one ends the bar."""
    if not step["attempts"]:
        return []
    attempt = step["attempts"][-1]
    at = {name: moments.parse(text) for name, text in attempt["moments"].items()}
    end = at["committed"] or moments.parse(step["endTime"])
    phases = [
        (at["created"] or at["running"], "░"),
        (at["userCode"], "█"),
        (at["bodyEnded"], "▒"),
        (end, " "),
    ]
    found = [(moment, mark) for moment, mark in phases if moment is not None]
    return found if end is not None and len(found) > 1 else []


def _seconds(step: Mapping[str, Any]) -> float:
    points = _points(step)
    return (points[-1][0] - points[0][0]).total_seconds()


def _bar(step: Mapping[str, Any], began: datetime, total: float, width: int) -> str:
    cells = [" "] * width
    points = _points(step)
    for (start, mark), (end, _) in itertools.pairwise(points):
        first = int((start - began).total_seconds() / total * width)
        last = int((end - began).total_seconds() / total * width)
        first = min(max(first, 0), width - 1)
        for cell in range(first, min(max(last, first + 1), width)):
            # What takes less than a cell must not hide the work beside it.
            if cells[cell] == " " or mark == "█":
                cells[cell] = mark
    return "".join(cells)
