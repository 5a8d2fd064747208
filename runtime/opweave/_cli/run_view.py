"""A run as tables and lines: what ``run list`` and ``run show`` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from opweave._cli import moments, style, user_error
from opweave._cli.output import Column, table_lines
from opweave._cli.run_notes import RunNotes

Run = Mapping[str, Any]
Step = Mapping[str, Any]


def location_of(run: Run) -> str:
    """Return the location's name, with its namespace on a cluster."""
    place = run["location"]
    return (
        place["name"] if place["namespace"] == "local" else f"{place['namespace']}/{place['name']}"
    )


def run_seconds(run: Run) -> float | None:
    """Return how long the run took since it left the queue, or has taken so far; None while it waits there."""
    start = run["dequeueTime"] or (run["creationTime"] if run["endTime"] else None)
    end = run["endTime"] or (None if run["isFinished"] else moments.now())
    return moments.seconds_between(start, end)


def step_seconds(step: Step) -> float | None:
    """Return how long the step took with all its attempts since the first was made, or has taken so far."""
    is_open = step["status"] in ("STARTING", "RUNNING")
    points = step["attempts"][0]["moments"] if step["attempts"] else {}
    return moments.seconds_between(
        points.get("created") or step["startTime"],
        step["endTime"] or (moments.now() if is_open else None),
    )


def tags_text(run: Run) -> str:
    """Return the tags as ``key=value`` with commas."""
    return ",".join(f"{tag['key']}={tag['value']}" for tag in run["tags"])


def _counts(run: Run) -> str:
    counts = {entry["status"]: entry["count"] for entry in run.get("stepCounts", ())}
    return f"{counts.get('SUCCESS', 0)}/{sum(counts.values())}"


RUN_COLUMNS = (
    Column("RUN", lambda run: run["runId"]),
    Column("JOB", lambda run: run["jobName"]),
    Column("LOCATION", location_of),
    Column("DECLARED AS", lambda run: run["jobResource"] or ""),
    Column("STATUS", lambda run: run["status"], is_status=True),
    Column("STEPS", _counts),
    Column("DURATION", lambda run: moments.duration(run_seconds(run))),
    Column("AGE", lambda run: moments.age(run["creationTime"])),
    Column("LAUNCHED BY", lambda run: run["launchedBy"], is_wide=True),
    Column("PRIORITY", lambda run: str(run["priority"]), is_wide=True),
    Column("TAGS", tags_text, is_wide=True),
    Column("REASON", lambda run: run["reason"] or run["queuedReason"], is_wide=True),
)


def step_note(step: Step) -> str:
    """Return why the step waits or how it ended: the same words wherever a step is shown."""
    if step["waitingReason"]:
        waited = moments.seconds_between(_waiting_since(step), moments.now())
        since = f"waiting {moments.duration(waited)}: " if waited is not None else "waiting: "
        return f"{since}{step['waitingReason']} {step['waitingMessage']}".strip()
    return " ".join(filter(None, (step["reason"], step["message"])))


def _waiting_since(step: Step) -> object:
    attempts = step["attempts"]
    return (
        attempts[-1]["moments"]["created"] or attempts[-1]["moments"]["ready"] if attempts else None
    )


def _attempts(step: Step) -> str:
    """Return how many processes or pods the step had, and how many tries more there were within them."""
    count, retries = len(step["attempts"]), step.get("retries", 0)
    return f"{count or ''}" + (
        f" (+{retries} retr{'y' if retries == 1 else 'ies'})" if retries else ""
    )


def _phase(start: str, end: str) -> Any:  # a function of a step; Column wants a plain callable
    def text(step: Step) -> str:
        points = step["attempts"][-1]["moments"] if step["attempts"] else {}
        seconds = moments.seconds_between(points.get(start), points.get(end))
        return "" if seconds is None else f"{seconds:.2f}"

    return text


STEP_COLUMNS = (
    Column("STEP", lambda step: step["stepKey"]),
    Column("STATUS", lambda step: step["status"], is_status=True),
    Column("ATTEMPTS", _attempts),
    Column("DURATION", lambda step: moments.duration(step_seconds(step))),
    Column("QUEUED s", _phase("ready", "created"), is_wide=True),
    Column("START s", _phase("created", "userCode"), is_wide=True),
    Column("BODY s", _phase("userCode", "bodyEnded"), is_wide=True),
    Column("COMMIT s", _phase("bodyEnded", "committed"), is_wide=True),
    Column(
        "WORKER",
        lambda s: (s["attempts"][-1]["workerName"] or "") if s["attempts"] else "",
        is_wide=True,
    ),
    Column("NOTE", step_note),
)


def show(run: Run, notes: RunNotes, *, is_wide: bool) -> None:
    """Print the run, its steps, what its log warns of, and the errors of the steps that failed."""
    click.echo("\n".join(_header(run)))
    if run["steps"]:
        columns = [c for c in STEP_COLUMNS if is_wide or not c.is_wide]
        steps = [{**s, "retries": notes.retries.get(s["stepKey"], 0)} for s in run["steps"]]
        click.echo("\n" + "\n".join(table_lines(steps, columns)))
    if notes.lines:
        click.echo("\nnotes\n" + "\n".join(f"  {line}" for line in notes.lines))
    errors = list(error_lines(run))
    if errors:
        click.echo("\n" + "\n".join(errors))


def _header(run: Run) -> Iterator[str]:
    yield f"run       {style.bold(run['runId'])}"
    yield f"job       {style.safe_line(run['jobName'])}" + (
        f" (declared as {style.safe_line(run['jobResource'])})" if run["jobResource"] else ""
    )
    yield f"location  {location_of(run)}"
    took = moments.duration(run_seconds(run))
    yield f"status    {style.status(run['status'])}" + (f" in {took}" if took else "")
    note = " ".join(filter(None, (run["reason"], run["message"] or run["queuedReason"])))
    if note:
        yield f"reason    {style.safe_line(note)}"
    launched_by = f" by {style.safe_line(run['launchedBy'])}" if run["launchedBy"] else ""
    yield f"launched  {moments.age(run['creationTime'])} ago{launched_by}"
    if run["tags"]:
        yield f"tags      {style.safe_line(tags_text(run))}"
    if run.get("parentRunId"):
        yield f"parent    {run['parentRunId']}"


def error_lines(run: Run) -> Iterator[str]:
    """Yield the error of each failed step with the user's traceback."""
    for step in run["steps"]:
        outcome = step["attempts"][-1]["outcome"] if step["attempts"] else None
        if step["status"] != "FAILURE" or outcome is None:
            continue
        code = f" (exit code {outcome['exitCode']})" if outcome["exitCode"] is not None else ""
        yield style.status(f"{step['stepKey']} failed: {outcome['reason']}{code}", "FAILURE")
        error = outcome["error"]
        if error is None:
            yield from _indented(outcome["message"])
            continue
        yield from _indented(_error_text(error))
        for cause in error["causes"]:
            yield "  caused by"
            yield from _indented(_error_text(cause))


def _error_text(error: Mapping[str, str]) -> str:
    return user_error.text(error["className"], error["message"], error["stack"])


def _indented(text: str) -> Iterator[str]:
    for line in style.safe(text).splitlines():
        yield f"  {line}"
