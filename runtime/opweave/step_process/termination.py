"""The outcome as it is left for the container runtime, in case ingest never gets it."""

from __future__ import annotations

import os
from typing import Any

from opweave.step_process.channel import Json, encode_json
from opweave.wire import WIRE_VERSION
from opweave.wire.attempt import MAX_TERMINATION_MESSAGE_BYTES, EventType

_TEXT_LIMITS = (2000, 1000, 400, 100, 0)


def termination_message(seq: int, outcome: Json) -> bytes | None:
    """Return *outcome*, an event with number *seq*, as an encoded `TerminationMessage`.

    Texts are cut until it fits. The outputs of a success are never cut, since what depends on a missing one would be
    skipped: None when they do not fit.
    """
    is_success = outcome["type"] == EventType.STEP_SUCCESS
    for limit in _TEXT_LIMITS:
        payload = outcome["payload"] if is_success else _shorter(outcome["payload"], limit)
        message = encode_json(
            {
                "seq": seq,
                "type": outcome["type"],
                "at": outcome["at"],
                "success": payload if is_success else None,
                "failure": None if is_success else payload,
                "wire_version": WIRE_VERSION,
            }
        )
        if len(message) <= MAX_TERMINATION_MESSAGE_BYTES:
            return message
    return None


def write_termination_message(path: str, message: bytes) -> bool:
    """Write *message* to *path*; return False where there is no such file and none may be made."""
    if not path:
        return False
    flags = os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC
    if not path.startswith("/dev/"):  # there only a container runtime makes files
        flags |= os.O_CREAT
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        return False
    try:
        return os.write(descriptor, message) == len(message)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _shorter(failure: Json, limit: int) -> Json:
    error = failure.get("error")
    return {
        **failure,
        "message": _cut(failure.get("message"), max(limit, 100)),
        "reason": _cut(failure.get("reason"), 100),
        "error": _shorter_error(error, limit) if isinstance(error, dict) else None,
    }


def _shorter_error(error: Json, limit: int) -> Json:
    """Keep the class, the head of the message and the end of the stack, where the error is."""
    stack = error.get("stack")
    return {
        "class_name": _cut(error.get("class_name"), 100),
        "message": _cut(error.get("message"), limit),
        "stack": stack[-limit:] if isinstance(stack, str) and limit else "",
        "cause": None,
    }


# Any: payloads were checked to be JSON objects, not what is in them.
def _cut(value: Any, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""
