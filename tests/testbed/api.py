"""A client of the API server in a few lines: what the testbed itself needs, no more."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testbed import layout

Object = dict[str, Any]


class ApiError(Exception):
    """The API server answered with an error.

    Attributes:
        status: The HTTP status; 0 when there was no answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """The native cluster's API server, as administrator."""

    def __init__(self, certificate: Path, token: str) -> None:
        self._certificate = certificate
        self._token = token

    def request(
        self, method: str, path: str, body: Object | None = None, *, timeout_seconds: float = 10
    ) -> Object:
        """Send one request and return the object in the answer.

        Raises:
            ApiError: The answer is an error, or there is none.
        """
        answer = self._open(method, path, body, timeout_seconds)
        try:
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, str(error)) from error
        return json.loads(text) if text[:1] == b"{" else {"text": text.decode(errors="replace")}

    def create(self, path: str, body: Object) -> None:
        """Create *body* unless it exists."""
        try:
            self.request("POST", path, body)
        except ApiError as error:
            if error.status != http.client.CONFLICT:
                raise

    def watch(self, path: str, *, timeout_seconds: int) -> Iterator[Object]:
        """Yield the events of a watch on the collection *path*, from its present state on, until the server ends it."""
        answer = self._open(
            "GET", f"{path}?watch=1&timeoutSeconds={timeout_seconds}", None, timeout_seconds + 10
        )
        try:
            for line in answer:
                yield json.loads(line)
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, str(error)) from error

    def is_ready(self) -> bool:
        """Tell whether the server says that it is ready."""
        try:
            return self.request("GET", "/readyz", timeout_seconds=5)["text"] == "ok"
        except ApiError:
            return False

    def _open(
        self, method: str, path: str, body: Object | None, timeout_seconds: float
    ) -> http.client.HTTPResponse:
        try:
            connection = http.client.HTTPSConnection(
                layout.HOST_ADDRESS,
                layout.API_PORT,
                timeout=timeout_seconds,
                context=ssl.create_default_context(cafile=str(self._certificate)),
            )
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={
                    "Authorization": f"Bearer {self._token}",
                    "Content-Type": "application/json",
                    # The socket is then the answer's alone, and goes with it.
                    "Connection": "close",
                },
            )
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, str(error)) from error
        if answer.status >= http.client.BAD_REQUEST:
            raise ApiError(answer.status, answer.read().decode(errors="replace"))
        return answer
