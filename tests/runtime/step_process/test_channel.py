"""Events between worker and supervisor."""

from __future__ import annotations

import math
import os

from opweave.step_process.channel import EventReader, EventWriter
from opweave.wire.attempt import MAX_EVENT_BYTES, EventType


def read(data: bytes, block: int = 7) -> tuple[list[dict[str, object]], list[str]]:
    garbage: list[str] = []
    reader = EventReader(garbage.append)
    events = [e for at in range(0, len(data), block) for e in reader.feed(data[at : at + block])]
    return events, garbage


def written(message: str, payload: dict[str, object]) -> bytes:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    EventWriter(writer).write(EventType.LOG_MESSAGE, message, payload)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        return pipe.read()


def test_an_event_arrives_as_it_was_written() -> None:
    """In whatever pieces the pipe gives it."""
    events, garbage = read(written("grüße 雪", {"n": 1, "deep": {"x": [None, True]}}))
    assert garbage == []
    assert events[0]["message"] == "grüße 雪"
    assert events[0]["payload"] == {"n": 1, "deep": {"x": [None, True]}}


def test_what_json_does_not_know_is_shown_as_text() -> None:
    """Objects, lone surrogates and keys that are no text never fail an event."""
    events, _ = read(written("bad \udc80", {"o": {1, 2}, "inf": math.inf}))
    assert events[0]["message"] == "bad ?"
    assert events[0]["payload"]["o"] == "{1, 2}"  # type: ignore[index]  # the payload is an object
    events, _ = read(written("keys", {"d": {(1, 2): 3}}))
    assert "unencodable" in str(events[0]["payload"])


def test_a_payload_above_the_limit_is_left_out() -> None:
    """The event itself stays."""
    reader, writer = os.pipe()
    EventWriter(writer).write(EventType.LOG_MESSAGE, "big", {"x": "y" * MAX_EVENT_BYTES})
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        events, _ = read(pipe.read())
    assert events[0]["message"] == "big"
    assert list(events[0]["payload"]) == ["left_out_bytes"]  # type: ignore[call-overload]  # as above


def test_garbage_between_events_is_told_and_skipped() -> None:
    """User code may write to any descriptor."""
    good = written("good", {})
    lines = [
        b"\x00\xff",
        b"[]",
        b'{"type":"RUN_SUCCESS","at":"","message":"","payload":{}}',
        b"[" * 5000,
    ]
    events, garbage = read(b"\n".join(lines) + b"\n" + good, block=1000)
    assert [event["message"] for event in events] == ["good"]
    assert len(garbage) == len(lines)


def test_an_endless_line_is_dropped_up_to_its_end() -> None:
    """It costs bounded memory and one note."""
    events, garbage = read(b"x" * (3 * MAX_EVENT_BYTES) + b"\n" + written("after", {}), 1 << 16)
    assert [event["message"] for event in events] == ["after"]
    assert len(garbage) == 1
