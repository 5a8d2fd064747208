"""The instance's settings as the engine reads them: from the catalog, at most a second old.

So a change of the ``Instance`` object takes effect without a restart, and a run that is driven costs no extra query.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opweave_operator import ports
from opweave_operator.core import instance, model, retention, run_queue

MAX_AGE_SECONDS = 1.0


class InstanceSettings:
    """Reads policy and limits from *catalog*."""

    def __init__(self, catalog: ports.CatalogStore) -> None:
        self._catalog = catalog
        self._spec: Mapping[str, Any] = {}
        self._job_limits: dict[tuple[str, str], int] = {}
        self._read_at = float("-inf")

    async def policy(self) -> model.EnginePolicy:
        """Return the settings that the run engine obeys."""
        await self._refresh()
        return instance.engine_policy(self._spec)

    async def limits(self) -> run_queue.QueueLimits:
        """Return the limits of the run queue."""
        await self._refresh()
        return instance.queue_limits(self._spec, self._job_limits)

    async def retention(self) -> retention.Retention:
        """Return how long history is kept."""
        await self._refresh()
        return retention.retention(self._spec)

    async def paused(self) -> frozenset[str]:
        """Return what is paused, of ``Launches``, ``Schedules`` and ``Sensors``."""
        await self._refresh()
        return instance.paused(self._spec)

    async def _refresh(self) -> None:
        if time.monotonic() - self._read_at < MAX_AGE_SECONDS:
            return
        self._spec = await self._catalog.get_instance()
        self._job_limits = {
            (job.namespace, job.name): job.max_concurrent_runs
            for job in await self._catalog.list_jobs()
            if job.max_concurrent_runs is not None
        }
        self._read_at = time.monotonic()
