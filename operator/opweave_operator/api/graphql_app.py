"""GraphQL over HTTP and WebSocket, and a page to try it.

Only JSON is taken, by POST: a form on another site cannot send that without a permission that is never given (CORS is closed).
A WebSocket from another site is refused by its ``Origin``.
"""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from opweave_operator.api import json_body, schema
from opweave_operator.api.context import ApiContext
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.api.loaders import Loaders
from opweave_operator.api.middleware import BoundedBody
from opweave_operator.usecases.launch_run import RunLauncher
from opweave_operator.usecases.terminate_run import RunTerminator

MAX_BODY_BYTES = 4 * 1024 * 1024

_CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_CONSOLE_FILES = {
    "console.html": "text/html; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
}


class GraphQLApp(GraphQL[ApiContext, None]):
    """The GraphQL endpoint."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        super().__init__(
            schema.build(),
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=20,
        )
        self._dependencies = dependencies
        self._launcher = RunLauncher(
            runs=dependencies.runs,
            catalog=dependencies.catalog,
            code_locations=dependencies.code_locations,
            clock=dependencies.clock,
        )
        self._terminator = RunTerminator(runs=dependencies.runs, clock=dependencies.clock)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> ApiContext:
        """Return what the resolvers of one request share."""
        return ApiContext(
            dependencies=self._dependencies,
            launcher=self._launcher,
            terminator=self._terminator,
            loaders=Loaders(
                self._dependencies.runs, self._dependencies.catalog, self._dependencies.assets
            ),
        )

    def decode_json(self, data: str | bytes) -> Any:
        """Return *data* parsed, however hostile it is."""
        # Any: parsed JSON; strawberry checks its shape.
        try:
            parsed = json_body.parse(data)
        except json_body.BodyInvalid as error:
            raise json.JSONDecodeError(str(error), "", 0) from error
        if not isinstance(parsed, (dict, list)):
            raise json.JSONDecodeError("give an object with a query", "", 0)
        return parsed


def routes(dependencies: ApiDependencies) -> list[BaseRoute]:
    """Return the routes for GraphQL and its console."""
    app = GraphQLApp(dependencies)
    return [
        Route("/graphql", _console_file("console.html"), methods=["GET"]),
        Route("/graphql/console.js", _console_file("console.js"), methods=["GET"]),
        Route("/graphql/console.css", _console_file("console.css"), methods=["GET"]),
        Route("/graphql/schema.graphql", _schema_text(), methods=["GET"]),
        Route("/graphql", BoundedBody(app, MAX_BODY_BYTES), methods=["POST"]),
        WebSocketRoute("/graphql", app),
    ]


def _console_file(name: str) -> Any:
    # Any: Starlette's own type for endpoints.
    content = resources.files(__package__).joinpath("console", name).read_bytes()
    headers = {"Content-Security-Policy": _CONSOLE_POLICY}

    async def serve(request: Request) -> Response:
        return Response(content, media_type=_CONSOLE_FILES[name], headers=headers)

    return serve


def _schema_text() -> Any:
    content = resources.files(__package__).joinpath("schema.graphql").read_text(encoding="utf-8")

    async def serve(request: Request) -> Response:
        return PlainTextResponse(content)

    return serve
