"""Delete what the instance's retention no longer keeps.

Run by the controller, beside the engine. Files go before the rows that lead to them, so that a death in between leaves
nothing that nobody finds: the next round goes on. Every transaction is small and others get their turn between two.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.core.retention import Retention

ROUND_SECONDS = 900.0
"""History is counted in hours at least."""

_RUNS_A_PAGE = 100
_ROWS_A_TRANSACTION = 1000
_PAUSE_SECONDS = 0.01

_log = logging.getLogger(__name__)


class HistoryKeeper:
    """Keeps history no longer than asked.

    Args:
        retention: How long; read anew for each round.
    """

    def __init__(
        self,
        *,
        history: ports.HistoryStore,
        logs: ports.RunFiles,
        artifacts: ports.RunFiles,
        retention: Callable[[], Awaitable[Retention]],
        clock: ports.Clock,
    ) -> None:
        self._history = history
        self._logs = logs
        self._artifacts = artifacts
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.keep()
            except Exception:  # noqa: BLE001  # the database or the volume may be away; the next round goes on
                _log.exception("history_not_kept")
            await asyncio.sleep(ROUND_SECONDS)

    async def keep(self) -> None:
        """Delete all that is too old now."""
        retention = await self._retention()
        deleted = {
            "runs": await self._older(retention.runs, self._delete_runs),
            "events": await self._older(retention.events, self._delete_events),
            "compute_logs": await self._older(retention.compute_logs, self._delete_logs),
            "ticks": await self._older(retention.ticks, self._delete_ticks),
        }
        if any(deleted.values()):
            await self._free_space()
            _log.info("history_deleted", extra=deleted)

    async def _free_space(self) -> None:
        is_more = True
        while is_more:
            is_more = await self._history.free_space()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _older(
        self, kept: timedelta | None, delete: Callable[[datetime], Awaitable[int]]
    ) -> int:
        return 0 if kept is None else await delete(self._clock.now() - kept)

    async def _delete_runs(self, before: datetime) -> int:
        count = 0
        while run_ids := await self._history.ended_runs(before, limit=_RUNS_A_PAGE):
            gone = 0
            for run_id in run_ids:
                await self._logs.remove(run_id)
                await self._artifacts.remove(run_id)
                await self._delete_events_of(run_id)
                gone += await self._history.delete_run(run_id, before)
            count += gone
            if not gone:
                break
        return count

    async def _delete_events(self, before: datetime) -> int:
        count = 0
        while run_ids := await self._history.ended_runs(
            before, limit=_RUNS_A_PAGE, with_events=True
        ):
            gone = sum([await self._delete_events_of(run_id) for run_id in run_ids])
            count += gone
            if not gone:
                break
        return count

    async def _delete_events_of(self, run_id: model.RunId) -> int:
        count = 0
        while deleted := await self._history.delete_events(run_id, limit=_ROWS_A_TRANSACTION):
            count += deleted
            await asyncio.sleep(_PAUSE_SECONDS)
        return count

    async def _delete_logs(self, before: datetime) -> int:
        ended = await self._history.ended_among(await self._logs.run_ids(), before)
        for run_id in ended:
            await self._logs.remove(run_id)
        return len(ended)

    async def _delete_ticks(self, before: datetime) -> int:
        count = 0
        while deleted := await self._history.delete_ticks(before, limit=_ROWS_A_TRANSACTION):
            count += deleted
            await asyncio.sleep(_PAUSE_SECONDS)
        return count
