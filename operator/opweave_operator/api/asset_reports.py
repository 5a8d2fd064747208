"""Reports about assets over plain HTTP, for systems that speak no GraphQL.

``POST /api/v1/assets/KEY/materializations`` (``observations``, ``checks``) with ``metadata`` (an object), ``dataVersion`` and
``description``, all optional; a check has ``checkName``, ``passed`` and ``severity`` too. The reply is 201 with the entry's time,
or 400 with what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opweave_operator.api import json_body
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.core.assets import AssetEventKind
from opweave_operator.usecases import report_asset

MAX_BYTES = 2 * 1024 * 1024
_KINDS = {
    "materializations": AssetEventKind.MATERIALIZATION,
    "observations": AssetEventKind.OBSERVATION,
    "checks": AssetEventKind.CHECK,
}


class AssetReportRoutes:
    """The route for reports."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        self._dependencies = dependencies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(f"/api/v1/assets/{{key:path}}/{kind}", self._report(kind), methods=["POST"])
            for kind in _KINDS
        ]

    def _report(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                told = _parsed(await json_body.read(request, MAX_BYTES), request, _KINDS[kind])
                event = await report_asset.report(
                    self._dependencies.assets, self._dependencies.clock, told
                )
            except (
                report_asset.ReportRefused,
                json_body.BodyTooLarge,
                json_body.BodyInvalid,
            ) as refused:
                return JSONResponse({"code": "InvalidReport", "message": str(refused)}, 400)
            return JSONResponse({"key": event.key, "timestamp": event.at.isoformat()}, 201)

        return answer


def _parsed(body: bytes, request: Request, kind: AssetEventKind) -> report_asset.AssetReport:
    content = json_body.parse(body) if body.strip() else {}
    if not isinstance(content, dict):
        raise report_asset.ReportRefused("the body is no JSON object")
    metadata = content.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise report_asset.ReportRefused("metadata: give an object of values by label")
    texts = {
        name: content.get(name) or default
        for name, default in (
            ("description", ""),
            ("dataVersion", ""),
            ("checkName", ""),
            ("severity", "ERROR"),
        )
    }
    wrong = next((name for name, value in texts.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise report_asset.ReportRefused(f"{wrong}: give a text")
    return report_asset.AssetReport(
        key=request.path_params["key"],
        kind=kind,
        description=texts["description"] or None,
        metadata=metadata,
        data_version=texts["dataVersion"],
        check_name=texts["checkName"],
        passed=content.get("passed") is True,
        severity=texts["severity"],
        reported_by="http",
    )
