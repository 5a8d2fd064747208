"""The time line of a run: a bar per step that shows when each of its attempts waited, started, worked and stored outputs."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opweave._cli import moments, style

_STARTING, _WORKING, _STORING, _RUNNING = "░", "█", "▒", "▓"
_MEANINGS = {
    _STARTING: "starting",
    _WORKING: "working",
    _STORING: "storing outputs",
    _RUNNING: "running, how far is not known",
}
_ALWAYS_EXPLAINED = (_STARTING, _WORKING, _STORING)
_LONGEST_NAME = 32
_NARROWEST_BAR = 20
_MOST_STEPS = 60
"""Longer runs would scroll away; their slowest steps are shown."""


@dataclass(frozen=True, slots=True)
class _Phase:
    """Part of an attempt, drawn with *mark*."""

    began: datetime
    ended: datetime
    mark: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A step with the phases of all its attempts."""

    step: Mapping[str, Any]
    phases: Sequence[_Phase]

    @property
    def began(self) -> datetime:
        return min(phase.began for phase in self.phases)

    @property
    def ended(self) -> datetime:
        return max(phase.ended for phase in self.phases)

    @property
    def seconds(self) -> float:
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True, slots=True)
class _Axis:
    """The time that the bars share, wide enough for all of them."""

    began: datetime
    seconds: float
    width: int

    def cell(self, moment: datetime) -> int:
        return int((moment - self.began).total_seconds() / self.seconds * self.width)


def lines(run: Mapping[str, Any], width: int | None = None) -> list[str]:
    """Return the time line of a run with its steps; empty when nothing of it ran.

    Zero is when the run left the queue.

    Args:
        run: As `queries.RUN` returns it.
        width: Columns of the terminal; None asks it.
    """
    began = moments.parse(run["dequeueTime"]) or moments.parse(run["creationTime"])
    ended = moments.parse(run["endTime"])
    rows = [_Row(step, phases) for step in run["steps"] if (phases := list(_phases(step)))]
    if began is None or ended is None or not rows:
        return []
    began, ended = (
        min(began, *(row.began for row in rows)),
        max(ended, *(row.ended for row in rows)),
    )
    if len(rows) > _MOST_STEPS:
        slowest = sorted(range(len(rows)), key=lambda i: rows[i].seconds, reverse=True)
        rows = [rows[i] for i in sorted(slowest[:_MOST_STEPS])]
    name_width = min(_LONGEST_NAME, max(len(row.step["stepKey"]) for row in rows))
    columns = width or shutil.get_terminal_size((100, 24)).columns
    axis = _Axis(
        began,
        max((ended - began).total_seconds(), 0.001),
        max(_NARROWEST_BAR, columns - name_width - 14),
    )
    return [
        f"  {'':<{name_width}}  0 s{moments.duration(axis.seconds).rjust(axis.width - 3)}",
        *(_line(row, axis, name_width) for row in rows),
        style.dim(f"  {'':<{name_width}}  {_legend(rows)}"),
    ]


def _line(row: _Row, axis: _Axis, name_width: int) -> str:
    name = style.safe_line(row.step["stepKey"])
    shown = name if len(name) <= name_width else name[: name_width - 1] + "…"
    bar = style.status(_bar(row, axis), row.step["status"])
    return f"  {shown:<{name_width}}  {bar}  {moments.duration(row.seconds)}".rstrip()


def _legend(rows: Sequence[_Row]) -> str:
    drawn = {phase.mark for row in rows for phase in row.phases}
    return "   ".join(
        f"{mark} {meaning}"
        for mark, meaning in _MEANINGS.items()
        if mark in drawn or mark in _ALWAYS_EXPLAINED
    )


def _phases(step: Mapping[str, Any]) -> Iterator[_Phase]:
    """Yield the phases of each attempt of *step* that has ended."""
    for place, attempt in enumerate(step["attempts"], 1):
        at = {name: moments.parse(text) for name, text in attempt["moments"].items()}
        is_newest = place == len(step["attempts"])
        told = attempt["outcome"]["timestamp"] if attempt["outcome"] else None
        end = at["committed"] or moments.parse(told or (step["endTime"] if is_newest else None))
        points = [
            (at["created"], _STARTING),
            # A process that was killed never told when its user's code began.
            (None if at["userCode"] else at["running"], _RUNNING),
            (at["userCode"], _WORKING),
            (at["bodyEnded"], _STORING),
            (end, ""),
        ]
        known = [(moment, mark) for moment, mark in points if moment is not None]
        if end is None:
            continue
        for (began, mark), (ended, _) in itertools.pairwise(known):
            yield _Phase(began, max(began, ended), mark)


def _bar(row: _Row, axis: _Axis) -> str:
    cells = [" "] * axis.width
    for phase in row.phases:
        first = min(axis.cell(phase.began), axis.width - 1)
        last = max(axis.cell(phase.ended), first + 1)
        for cell in range(first, min(last, axis.width)):
            # What takes less than a cell must not hide the work beside it.
            if cells[cell] == " " or phase.mark in (_WORKING, _RUNNING):
                cells[cell] = phase.mark
    return "".join(cells)
