"""Ids of runs about which something may have changed: merged while nobody takes them, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from opweave_operator.core import model


class ChangeFeed:
    """A queue in which each id stands once; it has one reader."""

    def __init__(self) -> None:
        self._waiting: dict[model.RunId, None] = {}
        self._filled = asyncio.Event()

    def push(self, run_id: model.RunId) -> None:
        """Note that something about the run may have changed."""
        self._waiting[run_id] = None
        self._filled.set()

    async def read(self) -> AsyncIterator[model.RunId]:
        """Yield ids as they come, in the order of their first mention."""
        while True:
            await self._filled.wait()
            while self._waiting:
                run_id = next(iter(self._waiting))
                del self._waiting[run_id]
                yield run_id
            self._filled.clear()
