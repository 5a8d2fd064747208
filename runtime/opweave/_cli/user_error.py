"""A user's error as text: the traceback with their own frames, and the error itself below it."""

from __future__ import annotations


def text(class_name: str, message: str, stack: str) -> str:
    """Return the traceback *stack* and the error, which stands in it only when causes or groups are formatted there."""
    error = f"{class_name}: {message}" if message else class_name
    frames = stack.rstrip()
    if frames.endswith(error) or any(
        _without_margin(line) == error for line in frames.splitlines()
    ):
        return frames
    return f"{frames}\n{error}".strip("\n")


def _without_margin(line: str) -> str:
    """Return the line of a formatted group without the bars that stand before its members."""
    return line.lstrip(" |+-")
