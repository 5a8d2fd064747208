"""Errors as messages: class, text and the user's part of the traceback, all bounded."""

from __future__ import annotations

from opweave.tracebacks import shortened, user_traceback
from opweave.wire.attempt import ErrorInfo

MAX_MESSAGE_CHARACTERS = 8_000
MAX_CAUSES = 8


def error_info(error: BaseException, *, causes: int = MAX_CAUSES) -> ErrorInfo:
    """Return what is told of *error*: its traceback with the user's frames only, and what it was raised from."""
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    return ErrorInfo(
        class_name=type(error).__name__,
        message=text_of(error),
        stack=user_traceback(error, with_causes=False),
        cause=error_info(cause, causes=causes - 1) if cause is not None and causes > 0 else None,
    )


def text_of(error: BaseException) -> str:
    """Return ``str(error)``, bounded; never raises, whatever the error's own code does."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a hostile __str__ must not hide the error
        text = "(its text cannot be shown)"
    return shortened(text, MAX_MESSAGE_CHARACTERS)


def one_line(error: BaseException) -> str:
    """Return class and first line of *error*."""
    lines = text_of(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:500]}" if lines else type(error).__name__
