"""How long history is kept, read from ``Instance.spec.retention``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

DEFAULT_TICKS = timedelta(days=30)

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long history is kept after a run or a tick has ended; None means for ever.

    Attributes:
        runs: Runs with all that belongs to them.
        events: Events of runs.
        compute_logs: Standard output and error of steps.
    """

    runs: timedelta | None = None
    events: timedelta | None = None
    compute_logs: timedelta | None = None
    ticks: timedelta | None = DEFAULT_TICKS


def retention(spec: Mapping[str, Any]) -> Retention:
    """Return what *spec* says; a time that cannot be understood keeps for ever, since what is deleted is lost."""
    section = spec.get("retention")
    given = section if isinstance(section, Mapping) else {}
    return Retention(
        runs=duration(given.get("runs")),
        events=duration(given.get("events")),
        compute_logs=duration(given.get("computeLogs")),
        ticks=duration(given["ticks"]) if "ticks" in given else DEFAULT_TICKS,
    )


def duration(text: object) -> timedelta | None:
    """Return the time that *text* stands for (``12h``, ``90d``, ``26w``), or None."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else int(found[1]) * _UNITS[found[2]]
