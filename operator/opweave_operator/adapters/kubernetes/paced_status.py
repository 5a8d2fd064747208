"""Shows running runs on their Jobs no more than twice a second each, since steps that start need the API server more.

The first change of a quiet run is shown at once, and the last one always: what is held back is shown when its time comes.
What is lost with this process is only what people see of a run that goes on; the end of a run does not come here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from opweave_operator.core import model

PACE_SECONDS = 0.5
"""Between two statuses of one run: `kubectl get --watch` still looks live, and a fan-out costs two requests a second."""

_log = logging.getLogger(__name__)

Show = Callable[[model.RunState], Awaitable[None]]


class PacedStatus:
    """Calls *show* with the newest state of each run, at most every `PACE_SECONDS`."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._held: dict[model.RunId, model.RunState | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._showing: dict[model.RunId, asyncio.Lock] = {}

    async def put(self, state: model.RunState) -> None:
        """Show *state* now, or when the run's pace allows; a newer one takes its place."""
        run_id = state.run.id
        if run_id in self._held:
            self._held[run_id] = state
            return
        self._held[run_id] = None
        task = asyncio.create_task(self._pace(run_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._show(state)

    async def drop(self, run_id: model.RunId) -> None:
        """Forget what is held back of a run, and wait until nothing of it is on its way: its end is shown next."""
        if run_id in self._held:
            self._held[run_id] = None
        showing = self._showing.get(run_id)
        if showing is not None:
            async with showing:
                pass

    async def close(self) -> None:
        """Hold nothing back any more, and show nothing."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._held.clear()

    async def _pace(self, run_id: model.RunId) -> None:
        """Show what has come for the run after each pause, until nothing has."""
        showing = self._showing[run_id] = asyncio.Lock()
        try:
            while True:
                await asyncio.sleep(PACE_SECONDS)
                state = self._held.get(run_id)
                if state is None:
                    return
                self._held[run_id] = None
                async with showing:
                    await self._show(state)
        except Exception:  # noqa: BLE001  # the next change shows the run again; its end is shown for certain
            _log.exception("run_status_not_shown", extra={"run_id": run_id})
        finally:
            self._held.pop(run_id, None)
            self._showing.pop(run_id, None)
