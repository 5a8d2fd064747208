"""Modules that are imported when they are first used.

For what most processes never need (``difflib`` for the suggestion in an error, ``yaml`` for a scaffold): a step pays for
every import. Use it beside a plain import under ``TYPE_CHECKING``, so that type checkers see the module itself.
"""

from __future__ import annotations

import sys
from typing import Any


class DeferredModule:
    """Stands for a module; its attributes are the module's, which is imported at the first access."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Return the module's *attribute*; `Any`, as a module's attributes are."""
        module = sys.modules.get(self._name)
        if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
            __import__(self._name)
            module = sys.modules[self._name]
        return getattr(module, attribute)


def deferred_module(name: str) -> DeferredModule:
    """Return a stand-in for the module called *name*."""
    return DeferredModule(name)
