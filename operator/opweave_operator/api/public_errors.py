"""What the REST addresses for people and programs answer when something is wrong."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response


def not_found(message: str) -> Response:
    """Return a 404 that says what is not there."""
    return JSONResponse({"code": "NotFound", "message": message}, status_code=404)


def invalid(message: str) -> Response:
    """Return a 400 that says what is wrong with the request."""
    return JSONResponse({"code": "Invalid", "message": message}, status_code=400)


def unavailable(message: str) -> Response:
    """Return a 503 that says what does not answer."""
    return JSONResponse(
        {"code": "Unavailable", "message": message}, status_code=503, headers={"Retry-After": "1"}
    )
