"""Who asks for something by the command line, as runs and their logs tell it."""

from __future__ import annotations

import getpass


def name() -> str:
    """Return the way and the person, as ``cli (anna)``."""
    return f"cli ({_user()})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
