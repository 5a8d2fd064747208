"""What a reply of ingest means for the process that got it."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


MAX_RETRY_AFTER_SECONDS = 30.0


def parse_reply(body: bytes) -> Json:
    """Return the JSON object in *body*; empty when it is none, as from a proxy in between."""
    try:
        reply = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        reply = {}
    return reply if isinstance(reply, dict) else {}


def is_final(status: int, reply: Json) -> bool:
    """Return whether this process must report no more: its token or its attempt is not, or no longer, good."""
    if status in (401, 403):
        return True
    code = reply.get("code")
    return (status == 404 and code == "UnknownAttempt") or (status == 409 and isinstance(code, str))


def told(reply: Json) -> str:
    """Return what a refusal says, for people."""
    return f"{reply.get('code', '')} {reply.get('message', '')}".strip()[:500]


def retry_after_seconds(text: str) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, bounded; None when it asks for none."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text[:9]), MAX_RETRY_AFTER_SECONDS)
