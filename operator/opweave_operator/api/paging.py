"""Limits of arguments that page through lists."""

from __future__ import annotations

from datetime import UTC, datetime

from opweave_operator.api.request_error import RequestError

MAX_FIRST = 1000
_LARGEST = 2**31 - 2


def checked_first(first: int) -> int:
    """Return *first*, the number of entries to return.

    Raises:
        RequestError: It is not 1 to 1000.
    """
    if not 1 <= first <= MAX_FIRST:
        raise RequestError(f"first: give a number from 1 to {MAX_FIRST}, not {first}")
    return first


def checked_after(after: int) -> int:
    """Return *after*, the number of the last event that is known; -1 means none is.

    Raises:
        RequestError: It is below -1.
    """
    if not -1 <= after <= _LARGEST:
        raise RequestError(f"after: give -1 or the number of an event, not {after}")
    return after


def aware(at: datetime | None) -> datetime | None:
    """Return *at* with a zone; without one it is taken for UTC."""
    if at is None:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
