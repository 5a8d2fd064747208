"""What every request of a step process goes through: who sends it, for which attempt, and what a refusal looks like.

Used by ingest, artifacts and compute logs.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec
from opweave_operator import errors, ports
from opweave_operator.api import identity, json_body
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.core import ids, model
from opweave_operator.usecases.attempt_access import AttemptAccess, Identity
from opweave_operator.usecases.refusals import RefusalCode, Refused

ATTEMPT_PATH = "/ingest/v1/runs/{run_id}/steps/{step_key:path}/attempts/{attempt:int}"
"""A step key may hold any character, a slash too: its segment arrives decoded."""

STATUSES = {
    RefusalCode.NO_TOKEN: 401,
    RefusalCode.TOKEN_REJECTED: 401,
    RefusalCode.WRONG_AUDIENCE: 401,
    RefusalCode.NOT_YOUR_ATTEMPT: 403,
    RefusalCode.NOT_YOUR_INPUT: 403,
    RefusalCode.UNKNOWN_ATTEMPT: 404,
    RefusalCode.NOT_STORED: 404,
    RefusalCode.ATTEMPT_CLOSED: 409,
    RefusalCode.SEQUENCE_GAP: 425,
    RefusalCode.INVALID: 400,
    RefusalCode.TOO_LARGE: 413,
    RefusalCode.TOO_FAST: 429,
    RefusalCode.UNAVAILABLE: 503,
}

Handler = Callable[[Request], Awaitable[Response]]

_log = structlog.get_logger(__name__)


class AttemptRequests:
    """Authenticates requests and turns refusals into replies."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        self._reviewer = dependencies.identity
        self._metrics = dependencies.metrics
        self.access = AttemptAccess(
            dependencies.events, dependencies.runs, dependencies.worker_names
        )

    async def sender(self, request: Request) -> tuple[ports.AttemptRef, Identity]:
        """Return the attempt that *request* names and who sends it; they need not belong together.

        Raises:
            Refused: There is no acceptable token, or the path names no attempt.
        """
        who = await identity.identify(request, self._reviewer)
        return attempt_ref(request), who

    async def authorized(self, request: Request) -> ports.AttemptRecord:
        """Return the attempt that *request* names, sent by its worker.

        Raises:
            Refused: Sent by somebody else.
        """
        ref, who = await self.sender(request)
        return await self.access.authorize(ref, who)

    def refusing(self, handler: Handler) -> Handler:
        """Return *handler* with its refusals turned into replies and counted."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Refused as refused:
                return self._reply(request, refused)
            except json_body.BodyTooLarge as error:
                return self._reply(request, Refused(RefusalCode.TOO_LARGE, str(error)))
            except (json_body.BodyInvalid, codec.WireError, errors.StorageRefused) as error:
                return self._reply(request, Refused(RefusalCode.INVALID, str(error)))
            except errors.StorageError as error:
                _log.warning("ingest_storage_failed", path=request.url.path, error=str(error))
                unavailable = Refused(
                    RefusalCode.UNAVAILABLE, "the storage does not answer", retry_after_seconds=1
                )
                return self._reply(request, unavailable)
            except ClientDisconnect:
                return Response(status_code=400)

        return handle

    def _reply(self, request: Request, refused: Refused) -> Response:
        status = STATUSES[refused.code]
        self._metrics.count_refusal(refused.code)
        if refused.code is not RefusalCode.UNAVAILABLE:
            _log.info(
                "report_refused", path=request.url.path, code=refused.code, why=refused.message
            )
        refusal = wire_attempt.Refusal(
            code=refused.code, message=refused.message, expected_seq=refused.expected_seq
        )
        headers = {}
        if refused.retry_after_seconds is not None:
            headers["Retry-After"] = str(max(1, math.ceil(refused.retry_after_seconds)))
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(codec.encode(refusal), status_code=status, headers=headers)


def attempt_ref(request: Request) -> ports.AttemptRef:
    """Return the attempt that the path names.

    Raises:
        Refused: UNKNOWN_ATTEMPT, when it cannot be one.
    """
    run_id, step_key = request.path_params["run_id"], request.path_params["step_key"]
    number = request.path_params["attempt"]
    if not 1 <= number <= 1_000_000:
        raise Refused(RefusalCode.UNKNOWN_ATTEMPT, f"there is no attempt {number}")
    return ports.AttemptRef(
        run_id=parse_run_id(run_id), step_key=model.StepKey(step_key), number=number
    )


def parse_run_id(text: str) -> model.RunId:
    """Return *text* as a run id.

    Raises:
        Refused: UNKNOWN_ATTEMPT, when it cannot be one.
    """
    try:
        return ids.parse_run_id(text)
    except ValueError as error:
        raise Refused(RefusalCode.UNKNOWN_ATTEMPT, str(error)) from error
