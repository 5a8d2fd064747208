"""Around every request: security headers, the time it took, a bound on bodies that are read whole.

Plain ASGI: the hot path passes here, and Starlette's convenience class costs a task per request.
"""

from __future__ import annotations

import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opweave_operator.api import json_body
from opweave_operator.api.metrics import Metrics

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
"""What users' code has produced is never run by a browser, framed, guessed at or kept. A page of ours sets its own policy."""


_FAILED = JSONResponse(
    {"code": "Internal", "message": "something went wrong inside; the web role's log says what"},
    status_code=500,
)

_log = structlog.get_logger(__name__)


class Guard:
    """Adds the headers, measures the time, and hides what went wrong inside."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception:
            if status:
                raise
            _log.exception("request_failed", method=scope["method"], path=scope["path"])
            await _FAILED(scope, receive, send_guarded)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.observe_request(_route(scope), _method(scope), status, seconds)


def _route(scope: Scope) -> str:
    """Return the pattern of the route that matched: paths name runs and would make endless series."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else "unmatched"


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "PUT", "OPTIONS") else "other"


class BoundedBody:
    """Reads the whole body before the application sees it, and refuses one that is too large."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await json_body.read(Request(scope, receive), self._max_bytes)
        except json_body.BodyTooLarge as error:
            reply = JSONResponse({"errors": [{"message": str(error)}]}, status_code=413)
            await reply(scope, receive, send)
            return
        is_given = False

        async def receive_body() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_body, send)
