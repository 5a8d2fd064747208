# ruff: noqa: PTH100, PTH120
# pathlib costs 6 ms of CPU to import, which every step would pay.
"""Errors as Python prints them, but with the user's frames only: neither opweave's nor the import system's."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from opweave.deferred import deferred_module

if TYPE_CHECKING:
    import traceback
else:
    traceback = deferred_module("traceback")

MAX_CHARACTERS = 16_000
"""At most 64 kB of UTF-8."""
MAX_FRAMES = 100

_PACKAGE_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep
_FOREIGN_PREFIXES = ("<frozen ", _PACKAGE_DIRECTORY, os.path.dirname(importlib.__file__) + os.sep)


def user_traceback(error: BaseException, *, with_causes: bool = True) -> str:
    """Return the traceback of *error* down to its last line, members of groups included; bounded, never raises.

    Args:
        error: Whatever user code raised.
        with_causes: Whether what it was raised from stands before it.
    """
    try:
        shown = traceback.TracebackException.from_exception(error, compact=True)
        _keep_user_frames(shown)
        text = "".join(shown.format(chain=with_causes))
    except Exception:  # noqa: BLE001  # a hostile class of error must not hide that there was one
        text = f"{type(error).__name__}: (its traceback cannot be shown)\n"
    return shortened(text, MAX_CHARACTERS)


def _keep_user_frames(shown: traceback.TracebackException) -> None:
    waiting: list[traceback.TracebackException | None] = [shown]
    seen = set()
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        kept = [frame for frame in part.stack if is_user_file(frame.filename)]
        if len(kept) > MAX_FRAMES:
            # Deep recursion repeats itself: its beginning and its end tell all.
            kept = kept[: MAX_FRAMES // 2] + kept[-MAX_FRAMES // 2 :]
        part.stack = traceback.StackSummary.from_list(kept)
        if not kept:
            # As Python has it for an error that was never raised: no heading without frames.
            part.stack = None  # type: ignore[assignment]  # the type stubs do not know
        waiting += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]


def is_user_file(filename: str) -> bool:
    """Return whether a frame of *filename* belongs to the user rather than to opweave or the import system."""
    return not filename.startswith(_FOREIGN_PREFIXES)


def shortened(text: str, limit: int) -> str:
    """Return *text*, its middle left out when it is longer than *limit*; safe to encode."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n… {len(text) - limit} characters left out …\n{text[-half:]}"
    return text.encode("utf-8", "replace").decode()
