"""The time line of a run."""

from __future__ import annotations

from typing import Any

from opweave._cli import time_line


def at(seconds: float) -> str:
    return f"2026-01-01T00:00:{seconds:06.3f}+00:00"


def step(key: str, *moments: float | None, status: str = "SUCCESS") -> dict[str, Any]:
    names = ("created", "userCode", "bodyEnded", "committed")
    points = {n: None if m is None else at(m) for n, m in zip(names, moments, strict=True)}
    return {
        "stepKey": key,
        "status": status,
        "startTime": at(moments[0] or 0),
        "endTime": at(moments[3] or 0) if moments[3] is not None else None,
        "attempts": [{"moments": {"ready": None, "slot": None, "running": None, **points}}],
    }


def run(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"creationTime": at(0), "startTime": at(0), "endTime": at(10), "steps": list(steps)}


def test_draws_the_phases_of_each_step_to_scale() -> None:
    """Starting, working and storing stand where they happened."""
    lines = time_line.lines(run(step("a", 0, 1, 4, 5), step("bb", 5, 6, 9, 10)), width=36)
    assert lines[:3] == [
        "      0 s           10.0 s",
        "  a   ░░██████▒▒            5.0 s",
        "  bb            ░░██████▒▒  5.0 s",
    ]


def test_short_work_is_never_hidden() -> None:
    """A body shorter than a cell is drawn all the same."""
    [_, bar, _] = time_line.lines(run(step("a", 0, 5, 5.001, 5.002)), width=36)
    assert "█" in bar


def test_leaves_out_what_never_ran() -> None:
    """Skipped steps have no bar; a run without any has no time line."""
    skipped = {**step("s", None, None, None, None, status="SKIPPED"), "attempts": []}
    assert len(time_line.lines(run(step("a", 0, 1, 2, 3), skipped), width=40)) == 3
    assert time_line.lines(run(skipped), width=40) == []
