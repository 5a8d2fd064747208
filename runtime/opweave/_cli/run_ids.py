"""Run ids made by the caller, so that a launch whose answer was lost can be sent again without a second run."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_run_id() -> str:
    """Return a ULID in lower case: 48 bits of milliseconds, then 80 random bits.

    Source: https://github.com/ulid/spec
    """
    value = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
