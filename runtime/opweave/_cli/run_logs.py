"""The log of a run and what its steps printed, whole or as it grows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from opweave._cli import moments, queries, style, user_error
from opweave._cli.failures import NotFound
from opweave._cli.graphql import Client

POLL_SECONDS = 0.5
_CHUNK_BYTES = 262_144


def check_step(client: Client, run_id: str, step_key: str) -> None:
    """Raise `NotFound` when the run has no step of that key."""
    steps = client.execute(queries.RUN_STEP_KEYS, {"runId": run_id})["run"]["steps"]
    keys = [step["stepKey"] for step in steps]
    if step_key not in keys:
        raise NotFound(f"run {run_id} has no step {step_key!r}; it has: {', '.join(keys)}")


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
    client: Client, run_id: str, step_key: str | None, stream: str, *, follow: bool
) -> None:
    """Print what the newest attempts of the steps wrote; lines begin with the step's key when there are several steps."""
    printers: dict[str, _StreamPrinter] = {}
    while True:
        run = client.execute(queries.RUN_STEP_KEYS, {"runId": run_id})["run"]
        keys = [s["stepKey"] for s in run["steps"] if step_key in (None, s["stepKey"])]
        is_finished = False
        for key in keys:
            printer = printers.setdefault(key, _StreamPrinter(key if len(keys) > 1 else ""))
            is_finished = printer.print_new(client, run_id, key, stream)
        if is_finished or not follow or not keys:
            for printer in printers.values():
                printer.flush()
            return
        time.sleep(POLL_SECONDS)


class _StreamPrinter:
    """Prints one stream of one step from where it stopped; a new attempt begins anew."""

    def __init__(self, prefix: str) -> None:
        self._prefix = style.dim(f"[{style.safe_line(prefix)}] ") if prefix else ""
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
            attempts = run["step"]["attempts"] if run["step"] else []
            if not attempts:
                return bool(run["isFinished"])
            newest = attempts[-1]
            if newest["number"] != self._attempt:
                self.flush()
                is_later, self._attempt = self._attempt > 0, newest["number"]
                if is_later:
                    self._offset = 0
                    continue
            log = newest["computeLog"]
            self._write(log["text"])
            has_grown = log["nextOffset"] > self._offset
            self._offset = log["nextOffset"]
            if not has_grown or self._offset >= log["length"]:
                return bool(run["isFinished"])

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
