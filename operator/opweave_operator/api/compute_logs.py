"""Standard output and error of step processes: taken in pieces with offsets, given as plain text, live if wished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec
from opweave_operator import ports
from opweave_operator.api import json_body, public_errors
from opweave_operator.api.attempt_requests import ATTEMPT_PATH, AttemptRequests
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.core import ids, model
from opweave_operator.usecases.refusals import RefusalCode, Refused

STREAMS = ("stdout", "stderr")
MAX_PIECE_BYTES = 4 * 1024 * 1024
_READ_BYTES = 256 * 1024
_LARGEST_OFFSET = 2**40
_POLL_SECONDS = 0.25
_QUIET_SECONDS = 2.0
"""How long a live view waits for more after the outcome: the end of a log is sent after the outcome."""


class ComputeLogRoutes:
    """The routes for logs."""

    def __init__(self, dependencies: ApiDependencies, requests: AttemptRequests) -> None:
        self._logs = dependencies.logs
        self._runs = dependencies.runs
        self._events = dependencies.events
        self._requests = requests

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(
                f"{ATTEMPT_PATH}/logs/{{stream}}",
                self._requests.refusing(self._append),
                methods=["PUT"],
            ),
            Route(
                "/api/v1/runs/{run_id}/logs/{step_key:path}/{attempt}/{stream}",
                self._show,
                methods=["GET"],
            ),
        ]

    async def _append(self, request: Request) -> Response:
        """Take a piece; after the outcome too, since the end of a log comes later than the outcome."""
        record = await self._requests.authorized(request)
        stream = request.path_params["stream"]
        offset = _offset(request)
        if stream not in STREAMS or offset is None:
            raise Refused(
                RefusalCode.INVALID,
                f"logs/stdout or logs/stderr with ?offset=N (a length in bytes), not logs/{stream[:40]}"
                f"?offset={request.query_params.get('offset', '')[:40]}",
            )
        data = await json_body.read(request, MAX_PIECE_BYTES)
        length = await self._logs.append(record.ref, stream, offset, data)
        if length == offset + len(data):
            return Response(status_code=204)
        return JSONResponse(codec.encode(wire_attempt.LogAck(length=length)), status_code=409)

    async def _show(self, request: Request) -> Response:
        """Give people a stream from ``offset``; with ``follow`` until the attempt has ended."""
        stream = request.path_params["stream"]
        offset = _offset(request)
        if stream not in STREAMS or offset is None:
            return public_errors.invalid("ask for stdout or stderr, with offset=N in bytes")
        ref = await self._find(request)
        if ref is None:
            return public_errors.not_found("there is no such run, step or attempt")
        is_followed = request.query_params.get("follow", "") in ("1", "true")
        chunks = (
            self._follow(ref, stream, offset) if is_followed else self._read(ref, stream, offset)
        )
        return StreamingResponse(chunks, media_type="text/plain; charset=utf-8")

    async def _find(self, request: Request) -> ports.AttemptRef | None:
        """Return the attempt that the path names by number, or ``latest``."""
        try:
            state = await self._runs.load(ids.parse_run_id(request.path_params["run_id"]))
        except ValueError:
            return None
        step = state.steps.get(model.StepKey(request.path_params["step_key"])) if state else None
        if state is None or step is None:
            return None
        wanted = request.path_params["attempt"]
        for attempt in reversed(step.attempts):
            if wanted in ("latest", str(attempt.number)):
                return ports.AttemptRef(
                    run_id=state.run.id, step_key=step.key, number=attempt.number
                )
        return None

    async def _read(self, ref: ports.AttemptRef, stream: str, offset: int) -> AsyncIterator[bytes]:
        while data := await self._logs.read(ref, stream, offset, _READ_BYTES):
            offset += len(data)
            yield data

    async def _follow(
        self, ref: ports.AttemptRef, stream: str, offset: int
    ) -> AsyncIterator[bytes]:
        quiet = 0.0
        while quiet < _QUIET_SECONDS:
            async for data in self._read(ref, stream, offset):
                offset += len(data)
                quiet = 0.0
                yield data
            await asyncio.sleep(_POLL_SECONDS)  # files tell nobody that they have grown
            record = await self._events.find_attempt(ref)
            is_over = record is None or record.attempt.outcome is not None
            quiet = quiet + _POLL_SECONDS if is_over else 0.0


def _offset(request: Request) -> int | None:
    text = request.query_params.get("offset", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 13):
        return None
    offset = int(text)
    return offset if offset <= _LARGEST_OFFSET else None
