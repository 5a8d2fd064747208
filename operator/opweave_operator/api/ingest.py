"""The start of attempts and their events, as `opweave.wire.attempt` describes them.

The hot path of the whole system: an outcome is answered after one read and one commit, and the commit wakes the engine.
"""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec
from opweave_operator.api import event_batch, json_body
from opweave_operator.api.attempt_requests import ATTEMPT_PATH, AttemptRequests
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.usecases.ingest_events import IngestEvents
from opweave_operator.usecases.refusals import RefusalCode, Refused

_MAX_START_BYTES = 64 * 1024


class IngestRoutes:
    """The routes for starts and events."""

    def __init__(self, dependencies: ApiDependencies, requests: AttemptRequests) -> None:
        self._requests = requests
        self._metrics = dependencies.metrics
        self._ingest = IngestEvents(
            access=requests.access,
            events=dependencies.events,
            assets=dependencies.assets,
            clock=dependencies.clock,
            limits=dependencies.settings.ingest,
        )

    def routes(self) -> list[Route]:
        """Return the routes."""
        refusing = self._requests.refusing
        return [
            Route(f"{ATTEMPT_PATH}/start", refusing(self._start), methods=["POST"]),
            Route(f"{ATTEMPT_PATH}/events", refusing(self._append), methods=["POST"]),
        ]

    async def _start(self, request: Request) -> Response:
        ref, who = await self._requests.sender(request)
        body = await json_body.read(request, _MAX_START_BYTES)
        start = codec.decode(wire_attempt.StartRequest, json_body.parse(body))
        slice_ = await self._ingest.start_attempt(ref, who, start)
        return JSONResponse(codec.encode(slice_))

    async def _append(self, request: Request) -> Response:
        ref, who = await self._requests.sender(request)
        body = await json_body.read(request, wire_attempt.MAX_BATCH_BYTES)
        batch = event_batch.decode(json_body.parse(body))
        if len(body) > wire_attempt.MAX_EVENT_BYTES:
            _check_event_sizes(batch)
        ack = await self._ingest.append(ref, who, batch)
        self._metrics.count_events(len(batch.events))
        return JSONResponse(codec.encode(ack))


def _check_event_sizes(batch: wire_attempt.EventBatch) -> None:
    for event in batch.events:
        size = len(json.dumps(codec.encode(event)))
        if size > wire_attempt.MAX_EVENT_BYTES:
            raise Refused(
                RefusalCode.TOO_LARGE,
                f"event {event.seq} has {size} bytes; at most {wire_attempt.MAX_EVENT_BYTES} are"
                " allowed: store what is large as an output",
            )
