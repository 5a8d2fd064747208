"""Standard output and error of attempts as files on the instance's volume."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from opweave_operator import errors, ports
from opweave_operator.core import model
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
        action = f"append to {stream} of step {ref.step_key}"
        return await paths.on_volume(action, self._append, path, offset, data)

    async def read(self, ref: ports.AttemptRef, stream: str, offset: int, limit: int) -> bytes:
        """Return up to *limit* bytes from *offset*; empty at or after the end.

        Raises:
            StorageRefused: *stream* or *ref* names no stream.
            StorageError: The volume is broken.
        """
        path = self._path(ref, stream)
        action = f"read {stream} of step {ref.step_key}"
        return await paths.on_volume(action, _read, path, max(offset, 0), max(limit, 0))

    async def length(self, ref: ports.AttemptRef, stream: str) -> int:
        """Return the stored length in bytes; 0 when there is nothing.

        Raises:
            StorageRefused: *stream* or *ref* names no stream.
        """
        path = self._path(ref, stream)
        return await paths.on_volume(f"look at {stream} of step {ref.step_key}", _length, path)

    async def run_ids(self) -> list[model.RunId]:
        """Return the runs that have logs."""
        return await paths.on_volume("list logs", paths.run_directories, self._root)

    async def remove(self, run_id: model.RunId) -> None:
        """Remove the logs of a run."""
        await paths.on_volume(f"remove logs of run {run_id}", paths.remove_run, self._root, run_id)

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
            paths.write_all(descriptor, kept)
            length += len(kept)
            if length < self._max_bytes:
                return length
        marked = length - self._max_bytes
        paths.write_all(descriptor, self._end_mark[marked:])  # the rest of it, if a crash cut it
        return max(offset, 0) + len(data)


def _read(path: Path, offset: int, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError:
        return b""


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
