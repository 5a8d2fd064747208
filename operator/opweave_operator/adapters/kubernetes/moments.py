"""Times as Kubernetes writes them: RFC 3339 in UTC, whole seconds, ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime


def render(moment: datetime) -> str:
    """Return *moment*, which is aware, for a field of type ``Time``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_micro(moment: datetime) -> str:
    """Return *moment* for a field of type ``MicroTime``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: object) -> datetime | None:
    """Return the moment in *text*, or None when there is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
