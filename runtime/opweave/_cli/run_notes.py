"""What the log of a run tells beside the outcome of its steps: tries within an attempt, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opweave._cli import queries, style
from opweave._cli.graphql import Client

_MOST_PAGES = 5
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNotes:
    """Notes on a run.

    Attributes:
        retries: By step, how often its body was tried again within its attempts.
        lines: What the engine and the steps' processes warn of, oldest first.
    """

    retries: Mapping[str, int]
    lines: list[str]


def read(client: Client, run_id: str) -> RunNotes:
    """Return the notes on a run; of an endless log only the beginning is read."""
    retries: Counter[str] = Counter()
    lines: dict[str, None] = {}
    for event in _events(client, run_id):
        if event["eventType"] == "STEP_UP_FOR_RETRY":
            # The engine tells of an attempt that it makes again in the same way, without a number of its own.
            if "retry_number" in event["payload"]:
                retries[event["stepKey"] or ""] += 1
        elif not _is_waiting(event):
            lines[_line(event)] = None
    shown = list(lines)
    if len(shown) > _MOST_NOTES:
        left_out = len(shown) - _MOST_NOTES
        shown = [*shown[:_MOST_NOTES], f"and {left_out} more, which the run's log has"]
    return RunNotes(retries=retries, lines=shown)


def _events(client: Client, run_id: str) -> Iterator[Mapping[str, Any]]:
    after = -1
    for _ in range(_MOST_PAGES):
        run = client.execute(queries.NOTED_EVENTS, {"runId": run_id, "after": after})["run"]
        if run is None:
            return
        yield from run["events"]["events"]
        after = run["events"]["nextAfter"]
        if not run["events"]["hasMore"]:
            return


def _is_waiting(event: Mapping[str, Any]) -> bool:
    """Return whether the event says why a step waited, which its row says as long as it matters."""
    payload = event["payload"]
    return isinstance(payload, dict) and "reason" in payload


def _line(event: Mapping[str, Any]) -> str:
    payload = event["payload"]
    error = payload.get("error") if isinstance(payload, dict) else None
    told = ""
    if isinstance(error, dict):
        told = f": {error.get('class_name') or 'Error'}: {error.get('message') or ''}".rstrip(": ")
    step = f"{event['stepKey']}: " if event["stepKey"] else ""
    return style.safe_line(f"{step}{event['message']}{told}")
