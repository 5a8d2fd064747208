"""What a step wrote to its standard output and error."""

from __future__ import annotations

import enum

import strawberry

from opweave_operator import ports
from opweave_operator.api import log_text

MAX_BYTES = 1024 * 1024


@strawberry.enum
class LogStream(enum.Enum):
    """One of the two streams of a process."""

    STDOUT = "stdout"
    STDERR = "stderr"


@strawberry.type
class ComputeLog:
    """A part of a stream; ask again from *next_offset*. Offsets and lengths count bytes."""

    stream: LogStream
    text: str
    offset: int
    next_offset: int
    length: int


async def read(
    logs: ports.LogStore, ref: ports.AttemptRef, stream: LogStream, offset: int, limit: int
) -> ComputeLog:
    """Return up to *limit* bytes from *offset* as text; bytes that are no UTF-8 are shown as U+FFFD."""
    offset, limit = max(0, offset), min(max(1, limit), MAX_BYTES)
    length = await logs.length(ref, stream.value)
    data = await logs.read(ref, stream.value, offset, limit)
    text, used = log_text.decode(data)
    return ComputeLog(
        stream=stream, text=text, offset=offset, next_offset=offset + used, length=length
    )
