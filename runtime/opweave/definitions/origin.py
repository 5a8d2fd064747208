"""Where a definition was written, and whether its name may be used."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from opweave import errors

_PACKAGE_DIRECTORY = __file__.rsplit(os.sep, 2)[0] + os.sep
_NAME = re.compile(r"[A-Za-z0-9_]{1,200}", re.ASCII)


class Origin:
    """A file and a line of user code."""

    __slots__ = ("file", "line")

    def __init__(self, file: str, line: int) -> None:
        self.file = file
        self.line = line

    def __str__(self) -> str:
        """Return ``file:line``, the file relative to the working directory when it lies below it."""
        below = os.getcwd() + os.sep  # noqa: PTH109  # pathlib costs a step 5 ms
        return f"{self.file.removeprefix(below)}:{self.line}"


def origin_of(function: Callable[..., Any]) -> Origin:
    """Return where *function* begins; its caller's place when it has no Python code."""
    code = getattr(function, "__code__", None)
    return Origin(code.co_filename, code.co_firstlineno) if code is not None else caller_origin()


def caller_origin() -> Origin:
    """Return the line of user code that called opweave."""
    frame = caller_frame()
    return Origin(frame.f_code.co_filename, frame.f_lineno)


def caller_frame() -> FrameType:
    """Return the innermost frame that is not opweave's own."""
    frame = sys._getframe(1)
    while frame.f_back is not None and is_own_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def is_own_file(filename: str) -> bool:
    """Return whether *filename* belongs to opweave."""
    return filename.startswith(_PACKAGE_DIRECTORY)


def checked_name(name: object, kind: str, origin: Origin) -> str:
    """Return *name* if it may name a *kind*.

    Raises:
        OpweaveInvalidDefinitionError: It is no text of letters, digits and underscores; dots would part step keys.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise errors.OpweaveInvalidDefinitionError(
        f"{name!r:.120} cannot name {kind} ({origin}): use letters, digits and underscores, 200 at most"
    )


def checked_tags(tags: Mapping[Any, Any] | None, owner: str, origin: Origin) -> dict[str, Any]:
    """Return *tags* of *owner* as a plain mapping.

    Raises:
        OpweaveInvalidDefinitionError: A key is not a text.
    """
    result = dict(tags or {})
    for key in result:
        if not isinstance(key, str) or not key:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} ({origin}) has the tag {key!r:.80}: keys of tags must be texts"
            )
    return result
