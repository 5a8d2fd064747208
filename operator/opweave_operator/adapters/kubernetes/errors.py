"""What the API server can answer instead of a result, a class per decision that a caller can take.

::

    ApiError
    ├── NotFound        404: it does not exist
    ├── Conflict        409: it exists already, or changed meanwhile, or a precondition failed
    ├── Gone            410: the watch or page is too old: list again
    ├── Forbidden       403: RBAC, quota, policy; the text says which
    ├── Unauthorized    401: the credentials are not accepted
    ├── Invalid         400, 413, 422: this object can never be accepted as it is
    └── Unreachable     no answer, 429 or 5xx, after the retries: try again later
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opweave_operator import errors

MAX_MESSAGE_CHARACTERS = 4096
"""Longer texts of the API server are cut: they go into conditions and the database."""


class ApiError(errors.OperatorError):
    """The API server refused a request.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        reason: The ``Status`` object's reason, as ``AlreadyExists``; may be empty.
        message: What it said.
        causes: Reasons of the details, as ``NamespaceTerminating``.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", causes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.causes = causes


class NotFound(ApiError):
    """It does not exist."""


class Conflict(ApiError):
    """It exists already, has changed meanwhile, or a precondition does not hold."""


class Gone(ApiError):
    """The resource version or continue token is too old."""


class Forbidden(ApiError):
    """Authorization or admission refuses it."""


class Unauthorized(ApiError):
    """The credentials are not accepted."""


class Invalid(ApiError):
    """The object or request can never be accepted as it is."""


class Unreachable(ApiError):
    """The API server did not answer, or only that it cannot now."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    422: Invalid,
    429: Unreachable,
}


def from_status(status: int, body: Mapping[str, Any], request: str) -> ApiError:
    """Return the error for a ``Status`` object that the API server answered *request* with."""
    kind = _BY_STATUS.get(status) or (Unreachable if status >= 500 else ApiError)
    message = str(body.get("message") or f"HTTP {status}")[:MAX_MESSAGE_CHARACTERS]
    details = body.get("details")
    if kind is NotFound and not (isinstance(details, Mapping) and details.get("name")):
        # An API server that starts answers so for custom resources whose definitions it has not read yet: nothing may be
        # concluded about the object.
        kind = Unreachable
        message = f"{message}; the kind is not served (yet): are the CRDs installed?"
    causes = details.get("causes") if isinstance(details, Mapping) else None
    return kind(
        f"{message} ({request})",
        status=status,
        reason=str(body.get("reason") or ""),
        causes=tuple(
            str(cause.get("reason", ""))
            for cause in (causes if isinstance(causes, list) else [])
            if isinstance(cause, Mapping)
        ),
    )


def parse_status(text: bytes) -> Mapping[str, Any]:
    """Return the ``Status`` object in *text*; whatever else stands there becomes its message."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    return {"message": text[:MAX_MESSAGE_CHARACTERS].decode("utf-8", "replace").strip()}
