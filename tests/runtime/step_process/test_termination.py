"""The termination message."""

from __future__ import annotations

import json
from pathlib import Path

from opweave.step_process.termination import termination_message, write_termination_message
from opweave.wire.attempt import (
    ErrorInfo,
    EventType,
    ProducedOutput,
    StepFailure,
    StepSuccess,
    TerminationMessage,
)
from opweave.wire.codec import decode, encode


def outcome(type_: EventType, payload: object) -> dict[str, object]:
    return {
        "type": str(type_),
        "at": "2026-01-01T00:00:00+00:00",
        "message": "",
        "payload": encode(payload),
    }


def test_a_failure_with_long_texts_is_cut_to_fit() -> None:
    """What is left is valid, and keeps the end of the stack, where the error is."""
    error = ErrorInfo(
        class_name="ValueError", message="雪" * 9000, stack="first\n" + "x" * 60_000 + "\nlast line"
    )
    failure = StepFailure(reason="UserCodeError", message="m" * 9000, error=error)
    message = termination_message(4, outcome(EventType.STEP_FAILURE, failure))
    assert message is not None
    assert len(message) <= 4096
    decoded = decode(TerminationMessage, json.loads(message))
    assert decoded.seq == 4
    assert decoded.failure is not None
    assert decoded.failure.error is not None
    assert decoded.failure.error.stack.endswith("last line")


def test_the_outputs_of_a_success_are_whole_or_absent() -> None:
    """A missing output would skip what depends on it."""
    few = StepSuccess(outputs=(ProducedOutput(name="a"), ProducedOutput(name="b", mapping_key="k")))
    message = termination_message(0, outcome(EventType.STEP_SUCCESS, few))
    assert message is not None
    assert decode(TerminationMessage, json.loads(message)).success == few
    many = StepSuccess(outputs=tuple(ProducedOutput(name=f"output_{n}") for n in range(500)))
    assert termination_message(0, outcome(EventType.STEP_SUCCESS, many)) is None


def test_a_place_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    """Outside of a container nobody reads it."""
    assert not write_termination_message("/dev/no-such-log", b"x")
    assert not write_termination_message(str(tmp_path / "gone" / "log"), b"x")
    assert not write_termination_message("", b"x")
    assert write_termination_message(str(tmp_path / "log"), b"x")
