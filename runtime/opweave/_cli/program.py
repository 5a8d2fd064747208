"""How the program was called, for usage lines and hints."""

from __future__ import annotations

import sys
from pathlib import Path

KUBECTL_PROGRAM = "kubectl-opweave"


def is_kubectl_plugin() -> bool:
    """Return whether the program was called as ``kubectl opweave``."""
    return Path(sys.argv[0]).name.removesuffix(".exe") == KUBECTL_PROGRAM


def name() -> str:
    """Return the command as the user types it."""
    return "kubectl opweave" if is_kubectl_plugin() else "opweave"
