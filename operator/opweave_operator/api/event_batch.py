"""Decode batches of events quickly: ingest spends most of its CPU here.

An event of the usual shape is taken field by field, several times as fast as `codec.decode`, which decides on everything
unusual and words the errors. A test shows that both agree on any input.
"""

from __future__ import annotations

from typing import Any

from opweave.wire import WIRE_VERSION, codec
from opweave.wire.attempt import MAX_BATCH_EVENTS, Event, EventBatch, EventType

_TYPES = {member.value: member for member in EventType}


def decode(data: Any) -> EventBatch:
    """Return *data*, as parsed from JSON of unknown origin, as a batch.

    Raises:
        WireError: It is none.
    """
    # Any: parsed JSON of unknown origin.
    given = data.get("events") if type(data) is dict else None
    version = data.get("wire_version", WIRE_VERSION) if type(data) is dict else None
    if type(given) is list and type(version) is int and len(given) <= MAX_BATCH_EVENTS:
        events = tuple(event for item in given if (event := _usual(item)) is not None)
        if len(events) == len(given):
            return EventBatch(events=events, wire_version=version)
    return codec.decode(EventBatch, data)


def _usual(item: Any) -> Event | None:
    """Return the event if every field has the usual type; None leaves it to the codec."""
    if type(item) is not dict:
        return None
    seq, at, message = item.get("seq"), item.get("at"), item.get("message", "")
    kind, payload = item.get("type"), item.get("payload", {})
    if type(seq) is not int or type(at) is not str or type(message) is not str:
        return None
    if type(kind) is not str or kind not in _TYPES:
        return None
    if type(payload) is not dict or len(payload) > codec.MAX_ITEMS:
        return None
    return Event(seq=seq, type=_TYPES[kind], at=at, message=message, payload=payload)
