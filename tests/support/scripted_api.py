"""An HTTP server that answers as a test says: for what a real API server does only in bad hours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kubernetes.aio.client import Configuration

from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.connection import Connection

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ScriptedApi:
    """Answers in order; the last one again and again.

    Attributes:
        requests: Method, path and query of what came.
    """

    answers: list[Answer]
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Give the next answer."""
        self.requests.append((request.method, request.path, dict(request.query)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


@contextlib.asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[tuple[Client, ScriptedApi]]:
    """Serve *answers* on the loopback address, and a client of it."""
    api = ScriptedApi(list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    configuration = Configuration(host=f"http://127.0.0.1:{port}")
    connection = Connection(configuration, None, is_in_cluster=False)
    try:
        async with Client(connection) as client:
            yield client, api
    finally:
        await runner.cleanup()


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with JSON."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def raw(text: str, status: int = 200) -> Answer:
    """Answer with *text*."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status)

    return answer


def stream(*events: Any, then: asyncio.Event | None = None) -> Answer:
    """Answer a watch with *events*, then end, or wait for *then*."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            await response.write(json.dumps(event).encode() + b"\n")
        if then is not None:
            await then.wait()
        await response.write_eof()
        return response

    return answer


def pod(name: str, version: int, **metadata: Any) -> dict[str, Any]:
    """Return an object with a name and a resource version."""
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            **metadata,
        }
    }


def listed(version: int, *items: Any) -> dict[str, Any]:
    """Return a list."""
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


def status(code: int, reason: str, message: str = "no", **details: Any) -> dict[str, Any]:
    """Return a Status."""
    return {
        "kind": "Status",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }
