"""The time line of a run."""

from __future__ import annotations

from typing import Any

from opweave._cli import run_view, time_line


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
        "attempts": [
            {"moments": {"ready": None, "slot": None, "running": None, **points}, "outcome": None}
        ],
    }


def lost(created: float, running: float | None, ended: float) -> dict[str, Any]:
    """Return an attempt that was killed before it told when its work began."""
    names = ("ready", "slot", "userCode", "bodyEnded", "committed")
    points = {"created": at(created), "running": None if running is None else at(running)}
    return {"moments": {**dict.fromkeys(names), **points}, "outcome": {"timestamp": at(ended)}}


def run(*steps: dict[str, Any], **moments: str | None) -> dict[str, Any]:
    return {
        "creationTime": at(0),
        "dequeueTime": at(0),
        "startTime": at(3),
        "endTime": at(10),
        "isFinished": True,
        "steps": list(steps),
        **moments,
    }


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


def test_the_axis_covers_every_bar() -> None:
    """Zero is when the run left the queue, or earlier when a bar begins earlier; nothing is cut at an edge."""
    late_start = run(step("a", 2, 4, 9, 12), dequeueTime=at(1), startTime=at(6))
    [axis, bar, _] = time_line.lines(late_start, width=37)
    assert axis.split() == ["0", "s", "11.0", "s"]
    assert bar.split() == ["a", "░░░░██████████▒▒▒▒▒▒", "10.0", "s"]
    assert bar.startswith("  a    ░")
    early = run(step("a", 0, 2, 4, 5), dequeueTime=at(5))
    [axis, bar, _] = time_line.lines(early, width=35)
    assert axis.split() == ["0", "s", "10.0", "s"]
    assert bar.split() == ["a", "░░░░████▒▒", "5.0", "s"]


def test_a_run_takes_at_least_as_long_as_its_steps() -> None:
    """Run and steps count from the same side of a start: the run since the queue, a step since its worker was made."""
    one = step("a", 1, 4, 9, 10)
    whole = run(one, dequeueTime=at(0.5), startTime=at(6))
    assert run_view.run_seconds(whole) == 9.5
    assert run_view.step_seconds(one | {"startTime": at(3)}) == 9.0


def test_what_a_killed_process_did_is_not_drawn_as_starting() -> None:
    """It ran, and how far is not known; the legend explains the mark only then."""
    killed = {**step("a", 0, None, None, None, status="FAILURE"), "endTime": at(10)}
    [_, bar, legend] = time_line.lines(run({**killed, "attempts": [lost(0, 2, 10)]}), width=35)
    assert bar.split() == ["a", "░░░░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓", "10.0", "s"]
    assert "▓ running, how far is not known" in legend
    [_, bar, legend] = time_line.lines(run({**killed, "attempts": [lost(0, None, 10)]}), width=35)
    assert bar.split() == ["a", "░" * 20, "10.0", "s"]
    assert "▓" not in legend


def test_draws_the_attempts_before_the_newest() -> None:
    """All attempts stand on the row of their step, which took as long as all of them."""
    again = step("a", 6, 8, 9, 10)
    again["attempts"].insert(0, lost(0, 1, 5))
    [_, bar, _] = time_line.lines(run(again), width=35)
    assert bar.split() == ["a", "░░▓▓▓▓▓▓▓▓", "░░░░██▒▒", "10.0", "s"]
    assert run_view.step_seconds(again) == 10.0
