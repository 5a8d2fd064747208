"""Where a config value stands, and what is wrong with it.

Messages are predicates: the path is their subject, as in ``ops.clean.config.max_row`` ``is not a field of clean's config``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opweave import errors
from opweave.deferred import deferred_module

if TYPE_CHECKING:
    from opweave.wire import location
else:
    # Most processes never record a problem, and the module costs a step 10 ms.
    location = deferred_module("opweave.wire.location")

Path = tuple[str, ...]

MAX_SHOWN = 80
"""Longest rendering of a value in a message; config may hold anything."""


class Problems:
    """Collects problems while a config is walked."""

    def __init__(self) -> None:
        self.found: list[location.ConfigProblem] = []

    def add(self, path: Path, message: str, code: str) -> None:
        """Record a problem at *path*."""
        self.found.append(location.ConfigProblem(path=path, message=message, code=code))

    def wrong_type(self, path: Path, expected: str, value: object) -> None:
        """Record that *value* is not what is *expected*."""
        self.add(path, f"must be {expected}, found {shown(value)}", "WRONG_TYPE")

    def missing(self, path: Path, expected: str, description: str | None) -> None:
        """Record that a required value is missing."""
        meaning = f', "{description}"' if description else ""
        self.add(path, f"is required ({expected}{meaning})", "MISSING_FIELD")

    def unknown(self, path: Path, names: Iterable[str]) -> None:
        """Record that the last key of *path* is not one of the *names* that its parent knows."""
        known = list(names)
        hint = errors.did_you_mean(path[-1], known)
        if not hint:
            hint = f"; its fields are {', '.join(known)}" if known else ", which has no fields"
        self.add(path, f"is not a field of {place(path[:-1])}{hint}", "UNKNOWN_FIELD")


def place(path: Path) -> str:
    """Return what people call the mapping at *path*: ``clean's config``, ``the run config``..."""
    if not path:
        return "the run config"
    if len(path) >= 2 and path[-1] in ("config", "inputs", "ops"):
        return f"{path[-2]}'s {path[-1]}"
    return path[-1] if len(path) > 1 else f"the run's {path[-1]}"


def shown(value: object) -> str:
    """Return a short text of *value* with its type: ``str 'abc'``; never raises, whatever the value's own code does."""
    if value is None:
        return "nothing"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # a hostile __repr__ must not hide the problem that is being told
        text = "(cannot be shown)"
    if len(text) > MAX_SHOWN:
        text = text[: MAX_SHOWN - 1] + "…"
    return f"{type(value).__name__} {text}"
