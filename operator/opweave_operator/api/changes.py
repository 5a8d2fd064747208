"""Wait until something about a run was committed, for live views.

A lost wake-up costs a second: whoever waits looks again then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from opweave_operator import ports
from opweave_operator.core import model

LOOK_AGAIN_SECONDS = 1.0


class RunWatch:
    """Notes commits about one run from the moment it is made."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def note(self) -> None:
        """Note that something was committed."""
        self._changed.set()

    async def wait(self, timeout_seconds: float = LOOK_AGAIN_SECONDS) -> bool:
        """Return True after a commit since the last return, False after *timeout_seconds* without one."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


@contextlib.asynccontextmanager
async def watch(wakeups: ports.WakeUps, run_id: model.RunId) -> AsyncIterator[RunWatch]:
    """Watch a run as long as the context lasts."""
    noted = RunWatch()
    # Listening begins here, not when the task first runs: whoever watches may read right after.
    listener = asyncio.create_task(_note(wakeups.listen(), run_id, noted))
    try:
        yield noted
    finally:
        listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listener


async def _note(
    committed: AsyncIterator[model.RunId], run_id: model.RunId, noted: RunWatch
) -> None:
    async for changed in committed:
        if changed == run_id:
            noted.note()
