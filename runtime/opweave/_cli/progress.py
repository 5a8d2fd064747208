"""Follow a run until it ends: lines that redraw themselves on a terminal, a line per change on anything else."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from opweave._cli import moments, program, queries, run_view, style, time_line
from opweave._cli.failures import EXIT_OK, EXIT_RUN_FAILED, NotFound, Unreachable
from opweave._cli.graphql import Client
from opweave._cli.output import write_structured

FASTEST_POLL_SECONDS = 0.15
SLOWEST_POLL_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
"""How long the server may be away, as while it restarts, before following ends; the run goes on without us anyway."""

_OVER = {"SUCCESS", "FAILURE", "SKIPPED", "CANCELED"}


def follow(client: Client, run_id: str, sleep: Callable[[float], None] = time.sleep) -> int:
    """Show a run's progress until it ends; return the exit code.

    Raises:
        KeyboardInterrupt: The user stopped following; the run goes on.
    """
    display: _Redrawn | _Lines = _Redrawn() if style.can_redraw() else _Lines()
    run: Mapping[str, Any] = {}
    for run in watch(client, run_id, sleep):
        display.show(run)
    display.finish(run)
    print_end(run, client.link(f"/runs/{run['runId']}"))
    return EXIT_OK if run["status"] == "SUCCESS" else EXIT_RUN_FAILED


def wait_structured(client: Client, run_id: str, output: str) -> int:
    """Wait until a run has ended, print it for programs and return the exit code."""
    run: Mapping[str, Any] = {}
    for latest in watch(client, run_id):
        run = latest
    write_structured(run, output)
    return EXIT_OK if run["status"] == "SUCCESS" else EXIT_RUN_FAILED


def watch(
    client: Client, run_id: str, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Mapping[str, Any]]:
    """Yield the run with its steps, again and again, the last time when it has ended.

    Asking takes at most a tenth of the time, so that a large run does not keep the server busy.
    """
    lost_at: float | None = None
    while True:
        asked_at = time.monotonic()
        try:
            run = client.execute(queries.RUN, {"runId": run_id})["run"]
            lost_at = None
        except Unreachable:
            lost_at = lost_at or asked_at
            if asked_at - lost_at > PATIENCE_SECONDS:
                raise
            sleep(1.0)
            continue
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        yield run
        if run["isFinished"]:
            return
        took = time.monotonic() - asked_at
        sleep(min(SLOWEST_POLL_SECONDS, max(FASTEST_POLL_SECONDS, 9 * took)))


def print_end(run: Mapping[str, Any], link: str) -> None:
    """Print how a finished run ended: errors, time line, status, and where to see it again, by *link* or a command."""
    errors = list(run_view.error_lines(run))
    if errors:
        click.echo("\n".join(errors))
    drawn = time_line.lines(run)
    if drawn:
        click.echo("\n" + "\n".join(drawn) + "\n")
    took = moments.duration(run_view.run_seconds(run))
    reason = style.safe_line(" ".join(filter(None, (run["reason"], run["message"]))))
    parts = [style.status(run["status"]) + (f" in {took}" if took else "")]
    if reason and run["status"] != "SUCCESS":
        parts.append(reason)
    parts.append(link or f"{program.name()} run show {run['runId']}")
    click.echo("   ".join(parts))


class _Lines:
    """A line for each step whose status changed."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[str, str]] = {}
        self._run_note = ""

    def show(self, run: Mapping[str, Any]) -> None:
        note = _run_note(run)
        if note and note != self._run_note:
            click.echo(note)
        self._run_note = note
        width = _name_width(run["steps"])
        for step in run["steps"]:
            state = (step["status"], step["waitingReason"])
            if state == self._shown.get(step["stepKey"], ("WAITING", "")):
                continue
            self._shown[step["stepKey"]] = state
            click.echo(_step_line(step, width))

    def finish(self, run: Mapping[str, Any]) -> None:
        """Do nothing: all lines stand already."""


class _Redrawn:
    """A line per step that is written again in place; what does not fit the screen is counted."""

    def __init__(self) -> None:
        self._height = 0

    def show(self, run: Mapping[str, Any]) -> None:
        self._draw(_fitting(run, shutil.get_terminal_size().lines - 2))

    def finish(self, run: Mapping[str, Any]) -> None:
        """Leave all steps on the terminal."""
        width = _name_width(run["steps"])
        self._draw([_step_line(step, width) for step in run["steps"]])

    def _draw(self, lines: Sequence[str]) -> None:
        # Up to the first line of ours, then erase to the end of the screen: ECMA-48 CUU and ED.
        back = f"\x1b[{self._height}A\x1b[J" if self._height else ""
        columns = shutil.get_terminal_size().columns
        click.echo(back + "".join(f"{_cut(line, columns)}\n" for line in lines), nl=False)
        self._height = len(lines)


def _fitting(run: Mapping[str, Any], height: int) -> list[str]:
    steps = run["steps"]
    width = _name_width(steps)
    note = _run_note(run)
    head = [note] if note else []
    if len(steps) + len(head) <= height:
        return head + [_step_line(step, width) for step in steps]
    shown = [s for s in steps if s["status"] in ("STARTING", "RUNNING", "FAILURE")]
    shown = shown[: max(1, height - len(head) - 1)]
    over = sum(1 for step in steps if step["status"] in _OVER)
    return [
        *head,
        *(_step_line(step, width) for step in shown),
        f"  {over} of {len(steps)} steps have ended",
    ]


def _run_note(run: Mapping[str, Any]) -> str:
    if run["status"] == "QUEUED":
        return f"  queued {style.safe_line(run['queuedReason'])}".rstrip()
    if run["status"] == "CANCELING":
        return "  cancelling"
    return ""


def _step_line(step: Mapping[str, Any], width: int) -> str:
    status = step["status"]
    mark = style.status(style.MARKS.get(status, "?"), status)
    took = (
        moments.duration(run_view.step_seconds(step))
        if status not in ("WAITING", "SKIPPED")
        else ""
    )
    note = run_view.step_note(step)
    tries = len(step["attempts"])
    again = f"attempt {tries}" if tries > 1 else ""
    words = style.safe_line("  ".join(filter(None, (took, again, note))))
    state = "" if style.can_redraw() else f"{style.status(status)}  "
    return f"  {style.safe_line(step['stepKey']):<{width}}  {mark}  {state}{words}".rstrip()


def _name_width(steps: Sequence[Mapping[str, Any]]) -> int:
    return min(48, max((len(step["stepKey"]) for step in steps), default=0))


def _cut(line: str, columns: int) -> str:
    """Return *line* within the screen: a line that wraps would be redrawn in the wrong place."""
    plain = click.unstyle(line)
    return line if len(plain) <= columns - 1 else plain[: columns - 2] + "…"
