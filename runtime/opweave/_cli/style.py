"""Colours and marks of the command line; none on a pipe, none with ``NO_COLOR``.

Source: https://no-color.org
"""

from __future__ import annotations

import os
import sys

import click

MARKS = {
    "WAITING": "·",
    "STARTING": "◌",
    "RUNNING": "▸",
    "SUCCESS": "✓",
    "FAILURE": "✗",
    "SKIPPED": "–",
    "CANCELED": "⊘",
}
_COLOURS = {
    "STARTING": "cyan",
    "STARTED": "cyan",
    "RUNNING": "cyan",
    "SUCCESS": "green",
    "FAILURE": "red",
    "CANCELING": "yellow",
    "CANCELED": "yellow",
    "SKIPPED": "bright_black",
    "WAITING": "bright_black",
    "DEBUG": "bright_black",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "red",
}
"""Of statuses and of log levels."""


def has_colour() -> bool:
    """Return whether standard output may be coloured."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def can_redraw() -> bool:
    """Return whether lines that stand on the terminal can be written again."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def status(text: str, name: str | None = None) -> str:
    """Return *text* in the colour of the status *name*, which is *text* itself unless given."""
    colour = _COLOURS.get(name or text)
    return click.style(text, fg=colour) if colour and has_colour() else text


def bold(text: str) -> str:
    """Return *text* in bold."""
    return click.style(text, bold=True) if has_colour() else text


def dim(text: str) -> str:
    """Return *text* in grey."""
    return click.style(text, fg="bright_black") if has_colour() else text


def difference(line: str) -> str:
    """Return a line of a diff in the colour of its kind."""
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour) if colour and has_colour() else line


def safe(text: str) -> str:
    """Return *text*, which user code wrote, without what would steer the terminal."""
    return "".join(
        c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def safe_line(text: str) -> str:
    """Return *text* on one line, without what would steer the terminal."""
    return safe(" ".join(text.split()))
