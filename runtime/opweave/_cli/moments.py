"""Times as the server writes them and as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def parse(text: object) -> datetime | None:
    """Return the moment of an ISO 8601 text; None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


def seconds_between(start: object, end: object) -> float | None:
    """Return the seconds from *start* to *end*, each a moment or its text; None when one is missing."""
    first = start if isinstance(start, datetime) else parse(start)
    last = end if isinstance(end, datetime) else parse(end)
    return None if first is None or last is None else max(0.0, (last - first).total_seconds())


def duration(seconds: float | None) -> str:
    """Return a duration for people: ``0.4 s``, ``2m05s``, ``3h10m``, ``4d2h``."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"


def age(text: object) -> str:
    """Return how long ago a moment was, as ``kubectl get`` shows it: ``20s``, ``5m``, ``3h``, ``4d``."""
    seconds = seconds_between(text, now())
    if seconds is None:
        return ""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def clock_time(text: object) -> str:
    """Return the local time of day of a moment, to the millisecond."""
    moment = parse(text)
    return moment.astimezone().strftime("%H:%M:%S.%f")[:-3] if moment else ""
