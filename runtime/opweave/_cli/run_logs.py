"""The log of a run and what its steps printed, whole or as it grows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from opweave._cli import moments, queries, style, user_error
from opweave._cli.failures import NotFound
from opweave._cli.graphql import Client

POLL_SECONDS = 0.5
_CHUNK_BYTES = 262_144


def check_step(client: Client, run_id: str, step_key: str) -> Mapping[str, Any]:
    """Return the step of that key.

    Raises:
        NotFound: The run has none.
    """
    steps = client.execute(queries.RUN_STEP_KEYS, {"runId": run_id})["run"]["steps"]
    for step in steps:
        if step["stepKey"] == step_key:
            found: Mapping[str, Any] = step
            return found
    keys = ", ".join(step["stepKey"] for step in steps)
    raise NotFound(f"run {run_id} has no step {step_key!r}; it has: {keys}")


def print_events(
    client: Client, run_id: str, step_key: str | None, *, follow: bool, as_json: bool
) -> None:
    """Print all events; with *follow* also those that come, until the run has ended."""
    after = -1
    while True:
        variables = {"runId": run_id, "after": after, "stepKey": step_key}
        run = client.execute(queries.EVENTS, variables)["run"]
        page = run["events"]
        for event in page["events"]:
            click.echo(json.dumps(event, ensure_ascii=False) if as_json else event_text(event))
        after = page["nextAfter"]
        if page["hasMore"]:
            continue
        # The end of the run is an event too: once it was there before the page was read, the page holds the rest.
        if run["isFinished"] or not follow:
            return
        time.sleep(POLL_SECONDS)


def output_addresses(client: Client, run_id: str, step_key: str, name: str) -> list[str]:
    """Return where the I/O manager of an output says that it stored it: several for the members of a dynamic output."""
    found: dict[str, None] = {}
    after, has_more = -1, True
    while has_more:
        variables = {"runId": run_id, "after": after, "stepKey": step_key}
        page = client.execute(queries.OUTPUT_EVENTS, variables)["run"]["events"]
        for event in page["events"]:
            address = _address_of(event["payload"], name)
            if address:
                found[address] = None
        after, has_more = page["nextAfter"], page["hasMore"]
    return list(found)


def _address_of(payload: Any, name: str) -> str:
    if not isinstance(payload, dict) or payload.get("output") != name:
        return ""
    metadata = payload.get("metadata")
    entries = [metadata.get(key) for key in ("uri", "path")] if isinstance(metadata, dict) else []
    values = [entry.get("value") for entry in entries if isinstance(entry, dict)]
    return next((value for value in values if isinstance(value, str) and value), "")


def event_text(event: Mapping[str, Any]) -> str:
    """Return an event as a line; further lines of its message and the traceback that it carries stand indented below."""
    step = f"{event['stepKey']}  " if event["stepKey"] else ""
    head = f"{style.dim(moments.clock_time(event['timestamp']))}  {style.safe_line(step + event['eventType'])}"
    first, *rest = style.safe(event["message"]).strip().splitlines() or [""]
    text = "  ".join(filter(None, (head, _level_of(event), first)))
    below = [*rest, *style.safe(_error_of(event["payload"])).splitlines()]
    return text + "".join(f"\n    {line}" for line in below)


def _level_of(event: Mapping[str, Any]) -> str:
    payload = event["payload"]
    if event["eventType"] != "LOG_MESSAGE" or not isinstance(payload, dict):
        return ""
    return style.status(style.safe_line(str(payload.get("level") or "")))


def _error_of(payload: Any) -> str:
    error = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return ""
    class_name, message, stack = (
        str(error.get(k) or "") for k in ("class_name", "message", "stack")
    )
    return user_error.text(class_name or "Error", message, stack)


def print_stream(
    client: Client,
    run_id: str,
    step_key: str | None,
    stream: str,
    *,
    follow: bool,
    attempt: int | None = None,
) -> None:
    """Print what the attempts of the steps wrote, one after the other, or only that numbered *attempt*.

    Lines begin with the step's key when there are several steps; from the second attempt on they say which it is.
    """
    printers: dict[str, _StreamPrinter] = {}
    while True:
        run = client.execute(queries.RUN_STEP_KEYS, {"runId": run_id})["run"]
        keys = [s["stepKey"] for s in run["steps"] if step_key in (None, s["stepKey"])]
        is_finished = False
        for key in keys:
            printer = printers.setdefault(key, _StreamPrinter(key, len(keys) > 1, attempt))
            is_finished = printer.print_new(client, run_id, key, stream)
        if is_finished or not follow or not keys:
            for printer in printers.values():
                printer.flush()
            return
        time.sleep(POLL_SECONDS)


class _StreamPrinter:
    """Prints one stream of one step from where it stopped, attempt after attempt."""

    def __init__(self, step_key: str, has_prefix: bool, only: int | None) -> None:
        self._step_key = style.safe_line(step_key)
        self._has_prefix = has_prefix
        self._only = only
        self._prefix = ""
        self._attempt = 0
        self._offset = 0
        self._rest = ""

    def print_new(self, client: Client, run_id: str, step_key: str, stream: str) -> bool:
        """Print what is new; return whether the run had ended before that was read."""
        while True:
            variables = {
                "runId": run_id,
                "stepKey": step_key,
                "stream": stream.upper(),
                "offset": self._offset,
                "limit": _CHUNK_BYTES,
            }
            run = client.execute(queries.COMPUTE_LOG, variables)["run"]
            attempts = self._wanted(run["step"]["attempts"] if run["step"] else [])
            if not attempts:
                return bool(run["isFinished"])
            if self._attempt == 0:
                self._begin(attempts[0]["number"])
            log = next(a["computeLog"] for a in attempts if a["number"] == self._attempt)
            self._write(log["text"])
            has_grown = log["nextOffset"] > self._offset
            self._offset = log["nextOffset"]
            if has_grown and self._offset < log["length"]:
                continue
            later = [a["number"] for a in attempts if a["number"] > self._attempt]
            if not later:
                return bool(run["isFinished"])
            self.flush()
            self._begin(later[0])

    def _wanted(self, attempts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [a for a in attempts if self._only in (None, a["number"])]

    def _begin(self, number: int) -> None:
        self._attempt, self._offset = number, 0
        again = f" #{number}" if number > 1 else ""
        if self._has_prefix:
            self._prefix = style.dim(f"[{self._step_key}{again}] ")
        elif again:
            # Not among what the step printed, which may go into a file.
            click.echo(style.dim(f"attempt {number} of {self._step_key}:"), err=True)

    def flush(self) -> None:
        """Print a last line that has no end."""
        if self._rest:
            click.echo(f"{self._prefix}{self._rest}")
            self._rest = ""

    def _write(self, text: str) -> None:
        shown = style.safe(text) if sys.stdout.isatty() else text
        *lines, self._rest = (self._rest + shown).split("\n")
        for line in lines:
            click.echo(f"{self._prefix}{line}")
