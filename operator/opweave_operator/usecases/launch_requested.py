"""Turn the runs that ticks have requested into runs, each exactly once.

The request was committed with its tick and carries the id of its run, so that a launch that is repeated, after a death at
any moment, finds the run that is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from opweave_operator import ports
from opweave_operator.core import model, tick_records
from opweave_operator.core.tick_records import RequestStatus, RunRequest
from opweave_operator.usecases.launch_request import (
    ConfigRefused,
    Launched,
    LaunchRequest,
    LaunchResult,
    TargetUnavailable,
)

MAX_CONCURRENT = 16
BATCH = 200
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0

_log = logging.getLogger(__name__)

Launch = Callable[[LaunchRequest], Awaitable[LaunchResult]]


class RequestedRunLauncher:
    """Launches requested runs; one whose location is away is tried again, ever more slowly, until it is back."""

    def __init__(self, store: ports.InstigatorStore, launch: Launch) -> None:
        self._store = store
        self._launch = launch
        self._limit = asyncio.Semaphore(MAX_CONCURRENT)
        self._retry_at: dict[model.RunId, tuple[float, float]] = {}

    async def launch_pending(self) -> int:
        """Launch what is pending and due; return how many requests were settled."""
        now = asyncio.get_running_loop().time()
        waiting = [run_id for run_id, (at, _) in self._retry_at.items() if at > now]
        pending = await self._store.pending_requests(BATCH + len(waiting))
        return await self.launch([r for r in pending if r.run_id not in waiting])

    async def launch(self, requests: Sequence[RunRequest]) -> int:
        """Launch *requests*; return how many were settled."""
        results = await asyncio.gather(*(self._one(request) for request in requests))
        settled = [result for result in results if result is not None]
        if settled:
            await self._store.settle_requests(settled)
        return len(settled)

    async def _one(self, request: RunRequest) -> RunRequest | None:
        async with self._limit:
            result = await self._launch(_launch_request(request))
        if isinstance(result, Launched):
            self._retry_at.pop(request.run_id, None)
            return replace(request, status=RequestStatus.LAUNCHED)
        if isinstance(result, TargetUnavailable):
            _, delay = self._retry_at.get(request.run_id, (0.0, FIRST_RETRY_SECONDS / 2))
            delay = min(delay * 2, LONGEST_RETRY_SECONDS)
            self._retry_at[request.run_id] = (asyncio.get_running_loop().time() + delay, delay)
            return None
        self._retry_at.pop(request.run_id, None)
        message = _why(result)
        _log.warning(
            "requested_run_refused", extra={"instigator": str(request.ref), "error": message}
        )
        return replace(request, status=RequestStatus.REFUSED, message=message)


def _launch_request(request: RunRequest) -> LaunchRequest:
    wish, ref = request.wish, request.ref
    return LaunchRequest(
        namespace=ref.namespace,
        location=None if wish.job_resource else ref.location,
        job=wish.job,
        job_resource=wish.job_resource,
        run_config=wish.run_config,
        tags=tick_records.with_tick_tags(ref, request.tick_at, wish),
        launched_by=f"{ref.kind.lower()} {ref.name}",
        run_id=request.run_id,
        may_be_late=True,
    )


def _why(result: LaunchResult) -> str:
    if isinstance(result, ConfigRefused):
        shown = [f"{'.'.join(p.path) or 'run config'} {p.message}" for p in result.problems[:5]]
        more = len(result.problems) - len(shown)
        return (
            "a requested run has a wrong config: "
            + "; ".join(shown)
            + (f"; and {more} more" if more > 0 else "")
        )
    text = getattr(result, "message", "")
    return f"a requested run was refused: {text}"
