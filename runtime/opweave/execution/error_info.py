"""Errors as messages: class, text and the user's part of the traceback, all bounded."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

from opweave.deferred import deferred_module
from opweave.definitions import origin as origins
from opweave.wire.attempt import ErrorInfo

if TYPE_CHECKING:
    import traceback
else:
    traceback = deferred_module("traceback")

MAX_STACK_CHARACTERS = 16_000
"""At most 64 kB of UTF-8."""
MAX_MESSAGE_CHARACTERS = 8_000
MAX_CAUSES = 8
MAX_FRAMES = 100


def error_info(error: BaseException, *, causes: int = MAX_CAUSES) -> ErrorInfo:
    """Return what is told of *error*: only the frames of the user's code, and what it was raised from."""
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    return ErrorInfo(
        class_name=type(error).__name__,
        message=text_of(error),
        stack=user_stack(error.__traceback__),
        cause=error_info(cause, causes=causes - 1) if cause is not None and causes > 0 else None,
    )


def text_of(error: BaseException) -> str:
    """Return ``str(error)``, bounded; never raises, whatever the error's own code does."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a hostile __str__ must not hide the error
        text = "(its text cannot be shown)"
    return _cut(text, MAX_MESSAGE_CHARACTERS)


def one_line(error: BaseException) -> str:
    """Return class and first line of *error*."""
    lines = text_of(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:500]}" if lines else type(error).__name__


def user_stack(trace: types.TracebackType | None) -> str:
    """Return the formatted frames of *trace* that are not opweave's own; empty when all are."""
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if not origins.is_own_file(code.co_filename):
            frames.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if not frames:
        return ""
    if len(frames) > MAX_FRAMES:
        # Deep recursion repeats itself: its beginning and its end tell all.
        frames = frames[: MAX_FRAMES // 2] + frames[-MAX_FRAMES // 2 :]
    summary = traceback.StackSummary.from_list(
        [traceback.FrameSummary(file, line, name) for file, line, name in frames]
    )
    return _cut(
        "".join(["Traceback (most recent call last):\n", *summary.format()]), MAX_STACK_CHARACTERS
    )


def _cut(text: str, limit: int) -> str:
    """Return *text*, its middle left out when it is longer than *limit*; safe to encode."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n… {len(text) - limit} characters left out …\n{text[-half:]}"
    return text.encode("utf-8", "replace").decode()
