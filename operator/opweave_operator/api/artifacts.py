"""Outputs of steps, streamed both ways: for step processes, and for people who download one.

Memory stays bounded: nothing is held but the chunk under way.
"""

from __future__ import annotations

import urllib.parse

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from opweave.wire import attempt as wire_attempt
from opweave_operator.api import public_errors
from opweave_operator.api.attempt_requests import ATTEMPT_PATH, AttemptRequests, parse_run_id
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.core import ids
from opweave_operator.usecases.refusals import RefusalCode, Refused
from opweave_operator.usecases.stored_outputs import StoredOutputs

_BYTES = "application/octet-stream"


class ArtifactRoutes:
    """The routes for outputs and inputs."""

    def __init__(self, dependencies: ApiDependencies, requests: AttemptRequests) -> None:
        self._runs = dependencies.runs
        self._requests = requests
        self._outputs = StoredOutputs(
            runs=dependencies.runs,
            artifacts=dependencies.artifacts,
            assets=dependencies.assets,
            max_bytes=dependencies.settings.max_artifact_bytes,
        )

    def routes(self) -> list[Route]:
        """Return the routes."""
        refusing = self._requests.refusing
        return [
            Route(f"{ATTEMPT_PATH}/outputs/{{output}}", refusing(self._write), methods=["PUT"]),
            Route(
                f"{ATTEMPT_PATH}/inputs/{{source_run}}/{{source_step:path}}/{{output}}",
                refusing(self._read),
                methods=["GET"],
            ),
            Route(
                "/api/v1/runs/{run_id}/outputs/{step_key:path}/{output}",
                self._download,
                methods=["GET"],
            ),
        ]

    async def _write(self, request: Request) -> Response:
        record = await self._requests.authorized(request)
        output = wire_attempt.ProducedOutput(
            name=request.path_params["output"],
            mapping_key=request.query_params.get("mapping_key"),
        )
        await self._outputs.write(record, output, request.stream())
        return Response(status_code=204)

    async def _read(self, request: Request) -> Response:
        record = await self._requests.authorized(request)
        source = wire_attempt.StoredOutput(
            run_id=parse_run_id(request.path_params["source_run"]),
            step_key=request.path_params["source_step"],
            output_name=request.path_params["output"],
            mapping_key=request.query_params.get("mapping_key"),
        )
        content = await self._outputs.read_input(record, source)
        if content is None:
            raise Refused(
                RefusalCode.NOT_STORED,
                f"output {source.output_name!r} of step {source.step_key!r} of run {source.run_id}"
                " is not stored here",
            )
        return StreamingResponse(content, media_type=_BYTES)

    async def _download(self, request: Request) -> Response:
        """Give people the bytes that a step stored; never as something that a browser would run."""
        try:
            run_id = ids.parse_run_id(request.path_params["run_id"])
        except ValueError as error:
            return public_errors.not_found(str(error))
        state = await self._runs.load(run_id)
        source = wire_attempt.StoredOutput(
            run_id=run_id,
            step_key=request.path_params["step_key"],
            output_name=request.path_params["output"],
            mapping_key=request.query_params.get("mapping_key"),
        )
        content = await self._outputs.read(state, source) if state else None
        if content is None:
            return public_errors.not_found(
                f"run {run_id} has stored no output {source.output_name!r} of step"
                f" {source.step_key!r} here"
            )
        name = urllib.parse.quote(f"{source.step_key}.{source.output_name}", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return StreamingResponse(content, media_type=_BYTES, headers=headers)
