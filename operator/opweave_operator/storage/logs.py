"""Standard output and error of attempts as files on the instance's volume."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from opweave_operator import errors, ports
from opweave_operator.storage import paths

STREAMS = ("stdout", "stderr")
MAX_STREAM_BYTES = 1024**3


class FileLogStore:
    """A file per stream of an attempt under *root*; fulfils `ports.LogStore`.

    A stream that reaches *max_stream_bytes* gets a last line that says so; what is sent after that is acknowledged and
    dropped, because the writer could do nothing about a refusal.

    Bytes are not flushed to the disk one append at a time: after a power cut the stored length may be smaller than what
    was acknowledged, and the writer sends again from there, as after any wrong offset.
    """

    def __init__(self, root: Path, max_stream_bytes: int = MAX_STREAM_BYTES) -> None:
        self._root = root
        self._max_bytes = max_stream_bytes
        self._end_mark = (
            f"\n[opweave: this stream reached its limit of {max_stream_bytes} bytes; the rest was not kept]\n"
        ).encode("ascii")

    async def append(self, ref: ports.AttemptRef, stream: str, offset: int, data: bytes) -> int:
        """Store *data* at *offset* if that is the stored length; return the length that counts as stored then.

        Bytes that are stored already, sent again, change nothing.

        Raises:
            StorageRefused: *stream* or *ref* names no stream.
            StorageError: The volume is full or broken.
        """
        path = self._path(ref, stream)
        try:
            return await asyncio.to_thread(self._append, path, offset, data)
        except OSError as error:
            raise paths.volume_failed(
                error, f"append to {stream} of step {ref.step_key}"
            ) from error

    async def read(self, ref: ports.AttemptRef, stream: str, offset: int, limit: int) -> bytes:
        """Return up to *limit* bytes from *offset*; empty at or after the end.

        Raises:
            StorageRefused: *stream* or *ref* names no stream.
            StorageError: The volume is broken.
        """
        path = self._path(ref, stream)
        try:
            return await asyncio.to_thread(_read, path, max(offset, 0), max(limit, 0))
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise paths.volume_failed(error, f"read {stream} of step {ref.step_key}") from error

    async def length(self, ref: ports.AttemptRef, stream: str) -> int:
        """Return the stored length in bytes; 0 when there is nothing.

        Raises:
            StorageRefused: *stream* or *ref* names no stream.
        """
        path = self._path(ref, stream)
        try:
            return (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError:
            return 0

    def _path(self, ref: ports.AttemptRef, stream: str) -> Path:
        if stream not in STREAMS:
            raise errors.StorageRefused(
                f"{stream[:40]!r} is not a stream; there are {' and '.join(STREAMS)}"
            )
        return paths.join_segments(self._root, (ref.run_id, ref.step_key, str(ref.number), stream))

    def _append(self, path: Path, offset: int, data: bytes) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # another web process may serve the same attempt
            return self._append_locked(descriptor, offset, data)
        finally:
            os.close(descriptor)

    def _append_locked(self, descriptor: int, offset: int, data: bytes) -> int:
        length = os.fstat(descriptor).st_size
        if length < self._max_bytes:
            if offset != length:
                return length
            kept = data[: self._max_bytes - length]
            _write_all(descriptor, kept)
            length += len(kept)
            if length < self._max_bytes:
                return length
        marked = length - self._max_bytes
        _write_all(descriptor, self._end_mark[marked:])  # the rest of it, if a crash cut it
        return max(offset, 0) + len(data)


def _read(path: Path, offset: int, limit: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(limit)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
