"""A small ingest server that speaks the protocol of `opweave.wire.attempt` and watches over it.

It keeps one attempt in memory. Faults are asked for one by one: an outage, failing replies, resets, refusals. What a client
does against the protocol (a gap in the numbers, a number with two contents, anything after the outcome) is collected in
`violations`, which the fixture asserts to be empty.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from opweave.wire import attempt as wire
from opweave.wire.codec import WireError, decode, encode

TOKEN = "token-of-this-attempt"


@dataclass
class Fault:
    """What happens to the next request whose path contains *where*, *times* times."""

    where: str
    times: int
    status: int = 0
    """0 resets the connection without a reply."""
    body: dict[str, Any] = field(default_factory=dict)
    is_applied: bool = False
    """The request takes effect, only its reply is lost."""


@dataclass
class Request:
    """A request that was answered."""

    method: str
    path: str
    status: int
    at: float
    events: int = 0


class IngestDouble:
    """An ingest server for one attempt on a port of loopback that stays the same through outages."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.slice = wire.AttemptSlice(
            run_id="run-1", job="work", step_key="work", attempt=1, op_path="work"
        )
        self.token = TOKEN
        self.first_seq = 0
        self.events: list[dict[str, Any]] = []
        self.logs: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.outputs: dict[str, bytes] = {}
        self.inputs: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.starts: list[wire.StartRequest] = []
        self.violations: list[str] = []
        self.faults: deque[Fault] = deque()
        self.refusal: tuple[int, str] | None = None
        self.should_stop = False
        self.slow_seconds: dict[str, threading.Event] = {}
        self.changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/base"

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def outcome(self) -> dict[str, Any] | None:
        is_closed = bool(self.events) and self.events[-1]["type"] in list(wire.OUTCOME_TYPES)
        return self.events[-1] if is_closed else None

    def up(self) -> None:
        """Listen; the kernel may need a moment to give the port back after an outage."""
        double = self

        class Handler(_Handler):
            ingest = double

        self._server = _Server(("127.0.0.1", self.port), Handler, double)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def down(self) -> None:
        """Stop listening and cut every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        with self.changed:
            for connection in list(self._connections):
                _cut(connection)

    def hold(self, where: str) -> threading.Event:
        """Keep requests whose path contains *where* waiting until the returned event is set."""
        self.slow_seconds[where] = threading.Event()
        return self.slow_seconds[where]

    def wait_for(self, is_reached: Callable[[], bool], timeout_seconds: float = 30.0) -> None:
        """Return when *is_reached*, looked at after each request."""
        with self.changed:
            assert self.changed.wait_for(is_reached, timeout_seconds), (
                f"never came: {self.types} {self.requests[-5:]}"
            )

    # --- what requests do ---------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, Any, int]:
        """Return status, reply and number of events of a request."""
        parts = urlsplit(target)
        base = "/base/ingest/v1/runs/run-1/steps/work/attempts/1/"
        if not parts.path.startswith(base):
            return 404, {"detail": "no such page"}, 0
        if token != f"Bearer {self.token}":
            return 401, encode(wire.Refusal(code="NoToken", message="no good token")), 0
        if self.refusal is not None:
            status, code = self.refusal
            return status, encode(wire.Refusal(code=code, message="refused by the test")), 0
        rest = [unquote(part) for part in parts.path[len(base) :].split("/")]
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with self.changed:
            return self._act(method, rest, query, body)

    def _act(
        self, method: str, rest: list[str], query: dict[str, str], body: bytes
    ) -> tuple[int, Any, int]:
        if (method, rest) == ("POST", ["start"]):
            self.starts.append(decode(wire.StartRequest, json.loads(body)))
            return 200, {**encode(self.slice), "first_seq": self.first_seq}, 0
        if (method, rest) == ("POST", ["events"]):
            return self._append(body)
        if method == "PUT" and rest[0] == "logs":
            return self._log(rest[1], int(query["offset"]), body)
        if method == "PUT" and rest[0] == "outputs":
            self.outputs[_key(rest[1], query)] = body
            return 204, None, 0
        if method == "GET" and rest[0] == "inputs":
            stored = self.inputs.get(_key("/".join(rest[1:]), query))
            if stored is None:
                return 404, encode(wire.Refusal(code="NotStored", message="nothing stored")), 0
            return 200, stored, 0
        return 404, {"detail": "no such page"}, 0

    def _append(self, body: bytes) -> tuple[int, Any, int]:
        try:
            batch = decode(wire.EventBatch, json.loads(body))
        except (ValueError, WireError) as error:
            self.violations.append(f"not a batch: {error}")
            return 400, encode(wire.Refusal(code="Malformed", message=str(error))), 0
        if len(batch.events) > wire.MAX_BATCH_EVENTS or len(body) > wire.MAX_BATCH_BYTES:
            self.violations.append(f"a batch of {len(batch.events)} events, {len(body)} bytes")
        expected = self.first_seq + len(self.events)
        for event in batch.events:
            if event.type not in wire.STEP_REPORTED_TYPES:
                self.violations.append(f"a step may not report {event.type}")
            if event.seq > expected:
                self.violations.append(f"event {event.seq} came where {expected} was next")
                refusal = wire.Refusal(code="SequenceGap", message="gap", expected_seq=expected)
                return 425, encode(refusal), 0
            if event.seq < expected:
                if self.events[event.seq - self.first_seq] != encode(event):
                    self.violations.append(f"event {event.seq} came twice with different contents")
                continue
            if self.outcome is not None:
                self.violations.append(f"{event.type} came after the outcome")
                return 409, encode(wire.Refusal(code="AttemptClosed", message="closed")), 0
            self.events.append(encode(event))
            expected += 1
        ack = wire.EventAck(next_seq=expected, should_stop=self.should_stop)
        return 200, encode(ack), len(batch.events)

    def _log(self, stream: str, offset: int, body: bytes) -> tuple[int, Any, int]:
        stored = self.logs[stream]
        if offset != len(stored):
            return 409, encode(wire.LogAck(length=len(stored))), 0
        stored += body
        return 204, None, 0

    def take_fault(self, path: str) -> Fault | None:
        with self.changed:
            for fault in self.faults:
                if fault.where in path and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def note(self, request: Request) -> None:
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type, ingest: IngestDouble) -> None:
        self.ingest = ingest
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.ingest.changed:
            self.ingest._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.ingest.changed:
            self.ingest._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that a test cut is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ingest: IngestDouble
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self._serve()

    do_PUT = do_GET = do_POST  # noqa: N815 - the base class calls them so

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        for where, release in self.ingest.slow_seconds.items():
            if where in self.path:
                release.wait(60)
        fault = self.ingest.take_fault(self.path)
        token = self.headers.get("Authorization", "")
        status, reply, events = 0, None, 0
        if fault is None or fault.is_applied:
            status, reply, events = self.ingest.answer(self.command, self.path, token, body)
        if fault is not None:
            status, reply = fault.status, fault.body
        self.ingest.note(
            Request(self.command, urlsplit(self.path).path, status, time.monotonic(), events)
        )
        if status == 0:
            _cut(self.connection)
            self.close_connection = True
        else:
            self._reply(status, reply)

    def _reply(self, status: int, reply: Any) -> None:
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        if status == 204:
            self.end_headers()
            return
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _key(name: str, query: dict[str, str]) -> str:
    return f"{name}[{query['mapping_key']}]" if "mapping_key" in query else name


def _cut(connection: socket.socket) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
