"""The code servers over HTTP, on the cluster and on a laptop alike; `opweave.wire.location` describes the protocol.

A code server runs the user's code: nothing it answers is trusted, neither its length, its pace nor its shape.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import aiohttp

from opweave.wire import codec
from opweave.wire import location as wire_location
from opweave.wire import ticks as wire_ticks
from opweave_operator import ports

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""A snapshot of 10,000 steps is about 6 MB; what is far above it is no snapshot."""
HEALTH_TIMEOUT_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 60.0
TICK_MARGIN_SECONDS = 15.0
CONNECT_PATIENCE_SECONDS = 5.0
"""A Service that has just got its first pod, or whose pod was just replaced, refuses connections for a second or two."""
FIRST_RECONNECT_SECONDS = 0.1
"""Plans of large jobs take seconds on a small pod; user code that hangs must not hold a launch for ever."""

_Reply = TypeVar("_Reply")


class HttpCodeLocations:
    """The port `ports.CodeLocations` over HTTP.

    Use as an asynchronous context manager, or call `close` at the end; connections are kept alive between requests.

    Args:
        token: Sent as a bearer token; None where code servers ask for none.
        timeout_seconds: Of one request, whole; health is asked with `HEALTH_TIMEOUT_SECONDS`.
    """

    def __init__(
        self, *, token: str | None = None, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> None:
        self._headers = {"Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpCodeLocations:
        """Return itself; connections are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def health(self, url: str) -> wire_location.LocationHealth:
        """Return the state of the code server at *url*.

        Raises:
            LocationUnavailable: It does not answer.
        """
        _, data = await self._request(
            "GET", url, "/v1/health", timeout_seconds=HEALTH_TIMEOUT_SECONDS
        )
        return _decoded(wire_location.LocationHealth, data, url, "/v1/health")

    async def snapshot(self, url: str) -> wire_location.LocationSnapshot:
        """Return what the code server at *url* defines.

        Raises:
            LocationUnavailable: It does not answer, or has not loaded.
        """
        status, data = await self._request("GET", url, "/v1/snapshot")
        if status != 200:
            raise ports.LocationUnavailable(_not_loaded(url, data))
        return _decoded(wire_location.LocationSnapshot, data, url, "/v1/snapshot")

    async def worker(self, url: str) -> wire_location.WorkerCommand:
        """Return how a process on the code server's own machine runs the same code.

        Raises:
            LocationUnavailable: It does not answer, or is too old to know.
        """
        status, data = await self._request("GET", url, "/v1/worker")
        if status != 200:
            raise ports.LocationUnavailable(
                f"GET {url}/v1/worker answered {status}: {_message(data) or 'without saying why'}"
            )
        return _decoded(wire_location.WorkerCommand, data, url, "/v1/worker")

    async def plan(self, url: str, request: wire_location.PlanRequest) -> wire_location.PlanReply:
        """Return the plan of a run or the problems of its config.

        Raises:
            LocationUnavailable: It does not answer.
        """
        return await self._post(wire_location.PlanReply, url, "/v1/plan", request)

    async def scaffold(
        self, url: str, request: wire_location.ScaffoldRequest
    ) -> wire_location.ScaffoldReply:
        """Return an example run config.

        Raises:
            LocationUnavailable: It does not answer.
        """
        return await self._post(wire_location.ScaffoldReply, url, "/v1/scaffold-config", request)

    async def schedule_tick(
        self, url: str, request: wire_ticks.ScheduleTickRequest
    ) -> wire_ticks.TickReply:
        """Evaluate a schedule.

        Raises:
            LocationUnavailable: It does not answer, or not in time.
        """
        return await self._tick(url, "/v1/schedule-tick", request, request.timeout_seconds)

    async def sensor_tick(
        self, url: str, request: wire_ticks.SensorTickRequest
    ) -> wire_ticks.TickReply:
        """Evaluate a sensor.

        Raises:
            LocationUnavailable: It does not answer, or not in time.
        """
        return await self._tick(url, "/v1/sensor-tick", request, request.timeout_seconds)

    async def _tick(
        self, url: str, path: str, request: object, seconds: int
    ) -> wire_ticks.TickReply:
        # The code server ends the evaluation in time; this is for a code server that does not.
        limit = seconds + TICK_MARGIN_SECONDS
        return await self._post(wire_ticks.TickReply, url, path, request, timeout_seconds=limit)

    async def _post(
        self,
        cls: type[_Reply],
        url: str,
        path: str,
        request: object,
        *,
        timeout_seconds: float | None = None,
    ) -> _Reply:
        status, data = await self._request(
            "POST", url, path, body=codec.encode(request), timeout_seconds=timeout_seconds
        )
        if status == 503:
            raise ports.LocationUnavailable(_not_loaded(url, data))
        if status != 200:
            raise ports.LocationUnavailable(
                f"POST {url}{path} answered {status}: {_message(data) or 'without saying why'}"
            )
        return _decoded(cls, data, url, path)

    async def _request(
        self,
        method: str,
        url: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[int, Any]:
        if not url:
            raise ports.LocationUnavailable("no version of the code location serves yet")
        timeout = aiohttp.ClientTimeout(total=timeout_seconds or self._timeout_seconds)
        patience = 0.0 if timeout_seconds else CONNECT_PATIENCE_SECONDS
        try:
            async with await self._connected(
                method, url.rstrip("/") + path, body, timeout, patience
            ) as response:
                return response.status, json.loads(await _bounded_body(response))
        except TimeoutError as error:
            raise ports.LocationUnavailable(
                f"{method} {url}{path} took longer than {timeout.total:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ports.LocationUnavailable(f"{method} {url}{path} failed: {error}") from error
        except (ValueError, RecursionError) as error:
            raise ports.LocationUnavailable(
                f"{method} {url}{path} did not answer JSON of at most {MAX_REPLY_BYTES} bytes: {error}"
            ) from error

    async def _connected(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        limits: aiohttp.ClientTimeout,
        patience_seconds: float,
    ) -> aiohttp.ClientResponse:
        """Send the request; while nobody takes the connection, try again for *patience_seconds*.

        All requests may be repeated: they ask and change nothing.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_seconds
        delay = FIRST_RECONNECT_SECONDS
        while True:
            try:
                return await self._open_session().request(
                    method, url, json=body, timeout=limits, allow_redirects=False
                )
            except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError):
                if loop.time() + delay > deadline:
                    raise
                await asyncio.sleep(delay)
                delay *= 2

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, auto_decompress=False)
        return self._session


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise ValueError("the reply is longer")
        chunks.append(chunk)
    return b"".join(chunks)


def _decoded(cls: type[_Reply], data: Any, url: str, path: str) -> _Reply:
    try:
        return codec.decode(cls, data)
    except codec.WireError as error:
        raise ports.LocationUnavailable(
            f"{url}{path} answered something else than {cls.__name__}: {error}"
        ) from error


def _not_loaded(url: str, data: Any) -> str:
    try:
        health = codec.decode(wire_location.LocationHealth, data)
    except codec.WireError:
        return f"the code server at {url} is not ready: {_message(data) or 'it does not say why'}"
    if health.failure is not None:
        return f"the code location cannot be loaded: {health.failure.message}"
    return "the code location is still loading"


def _message(data: Any) -> str:
    """Return the text of an error reply, whatever its shape."""
    if isinstance(data, dict):
        for key in ("message", "error"):
            if isinstance(data.get(key), str):
                return str(data[key])[:2000]
    return ""
