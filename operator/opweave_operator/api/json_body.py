"""Read JSON that anybody may have sent: bounded, never deeper than Python can stand, always storable."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_MOST_DIGITS = 400
"""Of a whole number; a longer one would take long to read and fits no column."""


class BodyTooLarge(ValueError):
    """The body has more bytes than are allowed."""


class BodyInvalid(ValueError):
    """The body is not JSON; the text says where."""


async def read(request: Request, limit: int) -> bytes:
    """Return the body.

    Raises:
        BodyTooLarge: It has more than *limit* bytes.
    """
    chunks = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise BodyTooLarge(f"the body has more than the {limit} bytes that are allowed")
        chunks.append(chunk)
    return b"".join(chunks)


def parse(data: bytes | str) -> Any:
    """Return *data* as plain values; ``NaN`` and ``Infinity``, which are not JSON, become text.

    Halves of surrogate pairs, which no encoding can hold, become U+FFFD.

    Raises:
        BodyInvalid: *data* is not JSON.
    """
    # Any: parsed JSON of unknown shape; `opweave.wire.codec` gives it one.
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    try:
        value = json.loads(raw, parse_constant=str, parse_int=_whole_number)
    except RecursionError as error:
        raise BodyInvalid("the body is nested too deeply") from error
    except ValueError as error:
        raise BodyInvalid(f"the body is not JSON: {error}") from error
    return _mended(value) if _SURROGATE_ESCAPE.search(raw) else value


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
