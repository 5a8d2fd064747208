"""The web role as one ASGI application, and a server for it that lives in anybody's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from opweave_operator import errors
from opweave_operator.api import graphql_app, public_errors
from opweave_operator.api.artifacts import ArtifactRoutes
from opweave_operator.api.asset_reports import AssetReportRoutes
from opweave_operator.api.attempt_requests import AttemptRequests
from opweave_operator.api.compute_logs import ComputeLogRoutes
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.api.event_feed import EventFeedRoutes
from opweave_operator.api.health import HealthRoutes
from opweave_operator.api.ingest import IngestRoutes
from opweave_operator.api.middleware import Guard
from opweave_operator.api.pages import PageRoutes
from opweave_operator.api.ui_files import UiRoutes

_SHUTDOWN_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75
"""Longer than the pause between two reports of a quiet step: a connection that closes under a report costs a retry."""
_MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
_BACKLOG = 1024

_log = structlog.get_logger(__name__)


def create_app(dependencies: ApiDependencies) -> Starlette:
    """Return the application of the web role, everything under the settings' path prefix."""
    requests = AttemptRequests(dependencies)
    ui = dependencies.ui
    pages = UiRoutes(dependencies, ui) if ui else PageRoutes(dependencies)
    routes: list[BaseRoute] = [
        *IngestRoutes(dependencies, requests).routes(),
        *ComputeLogRoutes(dependencies, requests).routes(),
        *ArtifactRoutes(dependencies, requests).routes(),
        *AssetReportRoutes(dependencies).routes(),
        *EventFeedRoutes(dependencies).routes(),
        *graphql_app.routes(dependencies),
        *HealthRoutes(dependencies).routes(),
        *pages.routes(),
    ]
    settings = dependencies.settings
    middleware = [Middleware(Guard, metrics=dependencies.metrics)]
    if settings.allowed_hosts:
        middleware.append(
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=list(settings.allowed_hosts),
                www_redirect=False,
            )
        )
    prefix = settings.path_prefix.strip("/")
    return Starlette(
        routes=[Mount(f"/{prefix}", routes=routes)] if prefix else routes,
        middleware=middleware,
        exception_handlers={errors.StorageError: _storage_failed},
    )


async def _storage_failed(request: Request, error: Exception) -> Response:
    _log.warning("request_storage_failed", path=request.url.path, error=str(error))
    if isinstance(error, errors.StorageRefused):
        return public_errors.invalid(str(error))
    return public_errors.unavailable("the storage does not answer; the web role's log says why")


class ApiServer:
    """Serves an application from the running event loop, next to whatever else lives there.

    It listens from the moment it is made, so *port* 0 can be asked for and the address is known at once; requests wait until
    `serve` runs. It handles no signals: whoever owns the process calls `stop`, or cancels.

    Raises:
        OSError: The address is taken or not ours.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=_MAX_WEBSOCKET_MESSAGE_BYTES,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
        )

    async def serve(self, on_started: Callable[[], None] | None = None) -> None:
        """Serve until `stop` is called or the task is cancelled; requests under way get a few seconds to end.

        *on_started* is called when requests are answered.
        """
        self._server.on_started = on_started
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.stop()  # uvicorn does not clean up when it is cancelled itself
            await serving
            raise
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Make `serve` return; calling it twice is harmless."""
        self._server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that says it is TCP.

    asyncio turns Nagle's algorithm off only for connections that say so, and uvicorn sends the head and the body of a reply
    apart: with it on, each reply to a report would wait 40 ms for the client's delayed acknowledgement.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening


async def serve(
    app: ASGIApp, host: str, port: int, *, on_started: Callable[[], None] | None = None
) -> None:
    """Serve *app* until the task is cancelled; *on_started* is called when requests are answered.

    Raises:
        OSError: The address is taken or not ours.
    """
    await ApiServer(app, host, port).serve(on_started)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the process belongs to the operator."""

    on_started: Callable[[], None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.on_started is not None:
            self.on_started()
