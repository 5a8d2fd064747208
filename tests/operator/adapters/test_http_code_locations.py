"""Code servers over HTTP: whatever a user's process answers, the caller gets a message or `LocationUnavailable`."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from opweave.wire import codec
from opweave.wire import location as wire_location
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.adapters import http_code_locations
from opweave_operator.adapters.http_code_locations import HttpCodeLocations

PLAN = wire_location.PlanReply(plan=wire_plan.RunPlan(job="daily", steps=()))
FAILED = wire_location.LocationHealth(
    state=wire_location.LoadState.FAILED,
    failure=wire_location.LoadFailure(
        reason="ImportFailed", message="no module duckdb (shop.py:3)"
    ),
)


class _Server(ThreadingHTTPServer):
    """Answers every request alike and keeps the headers of the last one."""

    daemon_threads = True
    status: int
    body: bytes
    headers: dict[str, str]
    release: threading.Event


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.headers = dict(self.headers.items())
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.release.wait(30)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(self.server.body)

    do_POST = do_GET  # noqa: N815  # the base class asks for this name

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def answering(status: int, body: bytes, *, is_slow: bool = False) -> Iterator[tuple[str, _Server]]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.status, server.body, server.release = status, body, threading.Event()
    if not is_slow:
        server.release.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def encoded(message: object) -> bytes:
    return json.dumps(codec.encode(message)).encode()


REQUEST = wire_location.PlanRequest(job="daily")


async def test_decodes_a_plan_and_sends_the_token() -> None:
    """A good answer becomes the message; the request carries the bearer token."""
    with answering(200, encoded(PLAN)) as (url, server):
        async with HttpCodeLocations(token="secret") as locations:
            reply = await locations.plan(url, REQUEST)
    assert reply == PLAN
    assert server.headers["Authorization"] == "Bearer secret"


async def test_a_failed_location_has_a_health() -> None:
    """503 with a health is an answer to the question for it."""
    with answering(503, encoded(FAILED)) as (url, _):
        async with HttpCodeLocations() as locations:
            assert await locations.health(url) == FAILED


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (503, encoded(FAILED), r"cannot be loaded: no module duckdb \(shop\.py:3\)"),
        (503, b'{"message": "starting"}', "starting"),
        (500, b'{"message": "planning raised KeyError"}', "answered 500: planning raised KeyError"),
        (404, b"{}", "answered 404: without saying why"),
        (200, b"<html>", "did not answer JSON"),
        (200, b"[]", "something else than PlanReply"),
        (200, b'{"plan": {"job": 3, "steps": []}}', "plan.job: expected str"),
        (200, b"[" * 100_000, "did not answer JSON"),
        (200, b"\xff\xfe", "did not answer JSON"),
        (302, b"{}", "answered 302"),
    ],
)
async def test_whatever_else_comes_is_told(status: int, body: bytes, told: str) -> None:
    """Errors, junk and wrong shapes end as one exception that says what was answered."""
    with answering(status, body) as (url, _):
        async with HttpCodeLocations() as locations:
            with pytest.raises(ports.LocationUnavailable, match=told):
                await locations.plan(url, REQUEST)


async def test_a_reply_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply longer than any snapshot is not read to its end."""
    monkeypatch.setattr(http_code_locations, "MAX_REPLY_BYTES", 1000)
    with answering(200, b"[" + b"1," * 10_000 + b"1]") as (url, _):
        async with HttpCodeLocations() as locations:
            with pytest.raises(ports.LocationUnavailable, match="at most 1000 bytes"):
                await locations.snapshot(url)


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    """Waiting has an end."""
    with answering(200, encoded(PLAN), is_slow=True) as (url, _):
        async with HttpCodeLocations(timeout_seconds=0.2) as locations:
            with pytest.raises(ports.LocationUnavailable, match=r"took longer than 0\.2 s"):
                await locations.plan(url, REQUEST)


@pytest.mark.parametrize(
    "url", ["", "http://127.0.0.1:9", "http://no.such.host.invalid", "not a url"]
)
async def test_nobody_there_is_told(url: str) -> None:
    """No address, nobody listening, no such host: each is unavailable, none is a crash."""
    async with HttpCodeLocations() as locations:
        with pytest.raises(ports.LocationUnavailable):
            await locations.scaffold(url, wire_location.ScaffoldRequest(job="daily"))
