"""HTTP over the state of a location: the routes of `opweave.wire.location`.

Every request is hostile: bodies are bounded, connections are few and time out, and whatever answering raises becomes a
reply, never the end of the process.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar

from opweave import tracebacks
from opweave.code_server import answers, tick_process
from opweave.code_server.location_state import LocationState
from opweave.wire.codec import WireError, decode, encode
from opweave.wire.location import PlanRequest, ScaffoldRequest, WorkerCommand
from opweave.wire.ticks import ScheduleTickRequest, SensorTickRequest

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_CONNECTIONS = 64
"""At once; more are closed. A controller and a web process need a handful."""
CONNECTION_SECONDS = 120
_M = TypeVar("_M")
_OPEN_PATHS = frozenset({"/v1/live", "/v1/health"})
"""Probes carry no token."""


class RequestRefused(Exception):
    """A request that is answered with an error; *status* and *code* say which."""

    def __init__(self, status: HTTPStatus, code: str, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reply = {"code": code, "message": message, "traceback": traceback}


class CodeServer(ThreadingHTTPServer):
    """Serves one location on a socket that listens already."""

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        state: LocationState,
        token: str | None,
        worker: WorkerCommand,
    ) -> None:
        address = listener.getsockname()
        super().__init__(address[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = address
        self.server_name, self.server_port = str(address[0]), int(address[1])
        self.state = state
        self.token = token
        self.worker = worker
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, if there is one to spare."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "opweave-code-server"
    sys_version = ""
    timeout = CONNECTION_SECONDS
    disable_nagle_algorithm = True
    server: CodeServer

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds and are no news."""

    def _answer(self, act: Callable[[], tuple[HTTPStatus, bytes]]) -> None:
        try:
            self._authorize()
            status, body = act()
        except RequestRefused as refused:
            status, body = refused.status, _json(refused.reply)
        except BaseException as error:  # noqa: BLE001 - also a SystemExit of user code that planning calls
            refusal = RequestRefused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "UserCodeError",
                f"{type(error).__name__}: {error}",
                tracebacks.user_traceback(error),
            )
            status, body = refusal.status, _json(refusal.reply)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _authorize(self) -> None:
        token = self.server.token
        if token is None or self.path in _OPEN_PATHS:
            return
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            self.close_connection = True
            raise RequestRefused(
                HTTPStatus.UNAUTHORIZED, "NoToken", "this code server answers only with its token"
            )

    def _get(self) -> tuple[HTTPStatus, bytes]:
        state = self.server.state
        if self.path == "/v1/live":
            return HTTPStatus.OK, _json({"live": True})
        if self.path == "/v1/health":
            return self._health()
        if self.path == "/v1/snapshot":
            return (HTTPStatus.OK, state.snapshot) if state.is_ready else self._health()
        if self.path == "/v1/worker":
            return HTTPStatus.OK, _json(encode(self.server.worker))
        raise _unknown(self.path)

    def _post(self) -> tuple[HTTPStatus, bytes]:
        body = self._body()
        state = self.server.state
        if self.path not in self._posts:
            raise _unknown(self.path)
        definitions = state.definitions
        if definitions is None:
            return self._health()
        message, act = self._posts[self.path]
        return HTTPStatus.OK, _json(encode(act(definitions, _decode(message, body))))

    # Any: each function takes the message class beside it.
    _posts: ClassVar[dict[str, tuple[type[Any], Callable[[Any, Any], Any]]]] = {
        "/v1/plan": (PlanRequest, answers.plan),
        "/v1/scaffold-config": (ScaffoldRequest, answers.scaffold),
        "/v1/schedule-tick": (ScheduleTickRequest, tick_process.schedule_tick),
        "/v1/sensor-tick": (SensorTickRequest, tick_process.sensor_tick),
    }

    def _health(self) -> tuple[HTTPStatus, bytes]:
        health = self.server.state.health()
        is_ready = self.server.state.is_ready
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return status, _json(encode(health))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise RequestRefused(
                HTTPStatus.LENGTH_REQUIRED, "LengthRequired", "send the body with a Content-Length"
            )
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise RequestRefused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "TooLarge",
                f"the body has {length} bytes; at most {MAX_BODY_BYTES} are taken",
            )
        return self.rfile.read(int(length))


def _decode(message: type[_M], body: bytes) -> _M:
    try:
        return decode(message, json.loads(body))
    except (WireError, ValueError, RecursionError) as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "Malformed", str(error)) from error


def _unknown(path: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.NOT_FOUND, "NotFound", f"there is nothing at {path[:200]}")


# Any: JSON of whatever shape the reply has.
def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
