"""A user's error as text: the traceback with their own frames, and the error itself below it."""

from __future__ import annotations


def text(class_name: str, message: str, stack: str) -> str:
    """Return the traceback *stack* and the error, which older runtimes leave out of it."""
    frames = stack.rstrip()
    if any(_raised_class(line) == class_name for line in frames.splitlines()):
        return frames
    error = f"{class_name}: {message}" if message else class_name
    return f"{frames}\n{error}".strip("\n")


def _raised_class(line: str) -> str:
    """Return the bare name of the class that a line of a traceback tells, if it tells one.

    The line of an error has the qualified name, then the message; in a group there are bars before it.
    """
    return line.lstrip(" |+-").partition(":")[0].rpartition(".")[2]
