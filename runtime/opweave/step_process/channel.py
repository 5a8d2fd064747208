"""The lines that the worker sends to the supervisor: events, and at the end the outcome.

One line is one JSON object with ``type``, ``at``, ``message`` and ``payload``: an `opweave.wire.attempt.Event` without its
number, which the supervisor gives. The worker's side bounds each line; the supervisor's side believes nothing, because
user code may write to any descriptor.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from opweave.wire.attempt import (
    MAX_EVENT_BYTES,
    OUTCOME_TYPES,
    STEP_REPORTED_TYPES,
    EventType,
)

MAX_LINE_BYTES = MAX_EVENT_BYTES - 1024
"""Leaves room for the number and for the re-encoding by the supervisor."""
MAX_MESSAGE_CHARACTERS = 100_000
_REPORTED_NAMES = frozenset(str(member) for member in STEP_REPORTED_TYPES)
_OUTCOME_NAMES = frozenset(str(member) for member in OUTCOME_TYPES)

# JSON of unknown origin: no narrower type is true before it is checked.
Json = dict[str, Any]


def timestamp() -> str:
    """Return the present as ISO 8601 in UTC with microseconds."""
    now = time.time_ns() // 1000
    seconds, micros = divmod(now, 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{micros:06d}+00:00"


def is_outcome(event: Json) -> bool:
    """Return whether *event* ends its attempt."""
    return event["type"] in _OUTCOME_NAMES


def encode_json(value: object) -> bytes:
    """Return *value* as one line of JSON in UTF-8; what JSON cannot hold is shown as text."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
    except (TypeError, ValueError, RecursionError) as error:
        shown: Json = {"unencodable": f"{type(error).__name__}: {error}"}
        if isinstance(value, dict) and "type" in value:
            shown = {**value, "payload": shown}
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"), default=repr)
    return text.encode("utf-8", "replace")


class EventWriter:
    """The worker's end: writes events, whole lines each, from any thread of the worker but from no fork of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def fits(self, type_: EventType, message: str, payload: Json) -> bool:
        """Return whether `write` would send the event whole."""
        return len(encode_json(_event(type_, message, payload))) <= MAX_LINE_BYTES

    def write(self, type_: EventType, message: str, payload: Json) -> None:
        """Send one event; a payload that is too large is left out.

        A process that user code forked has no voice: the number of its events could not be put in order.
        """
        if os.getpid() != self._owner:
            return
        event = _event(type_, message, payload)
        line = encode_json(event)
        if len(line) > MAX_LINE_BYTES:
            line = encode_json({**event, "payload": {"left_out_bytes": len(line)}})
        with self._lock:
            self._write_all(line + b"\n")

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def _event(type_: EventType, message: str, payload: Json) -> Json:
    return {
        "type": str(type_),
        "at": timestamp(),
        "message": message[:MAX_MESSAGE_CHARACTERS],
        "payload": payload,
    }


class EventReader:
    """The supervisor's end: turns what arrives into events and tells of lines that are none."""

    def __init__(self, on_garbage: Callable[[str], None]) -> None:
        self._buffer = bytearray()
        self._is_skipping = False
        self._on_garbage = on_garbage

    def feed(self, data: bytes) -> Iterator[Json]:
        """Yield the events that *data* completes."""
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._keep(data)
            return
        lines = (bytes(self._buffer) + head).split(b"\n")
        self._buffer.clear()
        if self._is_skipping:
            del lines[0]
            self._is_skipping = False
        self._keep(tail)
        for line in lines:
            event = _parse(line)
            if event is None:
                self._on_garbage(repr(line[:80]))
            else:
                yield event

    def _keep(self, data: bytes) -> None:
        if self._is_skipping:
            return
        self._buffer += data
        if len(self._buffer) > MAX_EVENT_BYTES:
            self._is_skipping = True
            self._on_garbage(repr(bytes(self._buffer[:80])))
            self._buffer.clear()


def _parse(line: bytes) -> Json | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("type") not in _REPORTED_NAMES:
        return None
    message, at, payload = event.get("message"), event.get("at"), event.get("payload")
    if not (isinstance(message, str) and isinstance(at, str) and isinstance(payload, dict)):
        return None
    return {"type": event["type"], "at": at, "message": message, "payload": payload}
