"""Run ids: sortable by time, safe in names, labels, paths and URLs."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from opweave_operator.core import model

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")


def new_run_id(now: datetime, randomness: bytes) -> model.RunId:
    """Return a run id of 26 lower-case characters: 48 bits of milliseconds, then 80 bits of *randomness* (a ULID).

    Raises:
        ValueError: *randomness* is not 10 bytes long.

    Source: https://github.com/ulid/spec, in lower case so that it can be part of a DNS label.
    """
    if len(randomness) != 10:
        raise ValueError(f"a run id needs 10 random bytes, got {len(randomness)}")
    value = (int(now.timestamp() * 1000) << 80) | int.from_bytes(randomness, "big")
    return model.RunId("".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)))


def parse_run_id(text: str) -> model.RunId:
    """Return *text* as a run id.

    Raises:
        ValueError: *text* is none; it must not reach a path or a query.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"{text[:64]!r} is not a run id: 26 characters of {_ALPHABET}")
    return model.RunId(text)


def created_at(run_id: str) -> datetime:
    """Return the moment that the first ten characters of *run_id*, or of a prefix of it filled up with zeros, stand for.

    Raises:
        ValueError: It is no run id, or stands for a year that no clock shows.
    """
    value = 0
    for character in run_id[:10].ljust(10, "0"):
        value = value << 5 | _ALPHABET.index(character)
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{run_id[:64]!r} stands for no date") from error


def is_prefix(text: str) -> bool:
    """Return whether *text* could be the beginning of a run id; not empty, not a whole one."""
    return 0 < len(text) < 26 and all(character in _ALPHABET for character in text)
