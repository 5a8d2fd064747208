"""Is the process alive, can it serve, and what do its metrics say."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from opweave_operator import errors, ports
from opweave_operator.api import metrics, public_errors
from opweave_operator.api.dependencies import ApiDependencies

_COUNT_AGE_SECONDS = 5.0


class HealthRoutes:
    """The routes that probes and Prometheus use."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        self._dependencies = dependencies
        self._counted_at = float("-inf")

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/healthz", self._alive, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _alive(self, request: Request) -> Response:
        return PlainTextResponse("ok")

    async def _ready(self, request: Request) -> Response:
        why_not = await self._dependencies.why_not_ready()
        if why_not:
            return public_errors.unavailable(why_not)
        return JSONResponse({"version": self._dependencies.settings.version})

    async def _metrics(self, request: Request) -> Response:
        await self._count_runs()
        return Response(self._dependencies.metrics.render(), media_type=metrics.CONTENT_TYPE)

    async def _count_runs(self) -> None:
        """Count the runs, unless it was done a moment ago; without a database the other metrics are still shown."""
        now = self._dependencies.clock.now().timestamp()
        if now - self._counted_at < _COUNT_AGE_SECONDS:
            return
        try:
            counts = await self._dependencies.runs.count_by_status(ports.RunFilter())
        except errors.StorageError:
            return
        self._dependencies.metrics.show_runs(counts)
        self._counted_at = now
