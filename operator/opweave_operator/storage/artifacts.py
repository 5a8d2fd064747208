"""Outputs of steps as files on the instance's volume."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

from opweave_operator.core import model
from opweave_operator.storage import paths

_BUFFER_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_UNFINISHED = ".unfinished"
_UNFINISHED_SECONDS = 24 * 3600
"""A file that nobody finished within a day was left by a process that died."""


class FileArtifactStore:
    """Objects as files under *root*; fulfils `ports.ArtifactStore`.

    An object is written beside the others under a name of its own, flushed and renamed, so that a reader or a crash
    finds the old content, the new one or none. Keys are parts joined by slashes, any text but empty parts.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / _UNFINISHED

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store an object whole or not at all; return its length in bytes.

        Raises:
            StorageRefused: *key* has no place on a file system.
            StorageError: The volume is full or broken.
        """
        target = self._path(key)
        temporary = self._unfinished / secrets.token_hex(16)
        action = f"store artifact {key!r}"
        try:
            descriptor = await paths.on_volume(action, self._create, temporary)
            try:
                length = await _write_chunks(descriptor, chunks, action)
            finally:
                os.close(descriptor)
            await paths.on_volume(action, self._publish, temporary, target)
        finally:
            with contextlib.suppress(
                OSError
            ):  # it was renamed or never made; anything else said so before
                temporary.unlink()
        return length

    async def read(self, key: str) -> AsyncIterator[bytes] | None:
        """Return the object's content, or None.

        Raises:
            StorageRefused: *key* has no place on a file system.
        """
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            return None
        return _read_chunks(path, key)

    async def run_ids(self) -> list[model.RunId]:
        """Return the runs that have outputs: their ids begin the keys."""
        return await paths.on_volume("list artifacts", paths.run_directories, self._root)

    async def remove(self, run_id: model.RunId) -> None:
        """Remove the outputs of a run."""
        action = f"remove artifacts of run {run_id}"
        await paths.on_volume(action, paths.remove_run, self._root, run_id)

    def remove_unfinished(self, now_seconds: float | None = None) -> None:
        """Remove what writers that died left behind. Other processes may be writing, so only what is a day old goes."""
        now_seconds = time.time() if now_seconds is None else now_seconds
        if not self._unfinished.is_dir():
            return
        for path in self._unfinished.iterdir():
            try:
                if path.stat().st_mtime < now_seconds - _UNFINISHED_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue

    def _path(self, key: str) -> Path:
        path = paths.join_segments(self._root, key.split("/"))
        return path.with_name(path.name + paths.OBJECT_SUFFIX)

    def _create(self, temporary: Path) -> int:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def _publish(self, temporary: Path, target: Path) -> None:
        missing = [p for p in target.parents if self._root in p.parents and not p.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        for directory in (target.parent, *(path.parent for path in missing)):
            paths.sync_directory(directory)


async def _write_chunks(descriptor: int, chunks: AsyncIterator[bytes], action: str) -> int:
    """Write *chunks*, gathered to whole buffers: a thread for each small one would cost more than the writing."""
    length = 0
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        length += len(chunk)
        if len(buffer) >= _BUFFER_BYTES:
            await paths.on_volume(action, paths.write_all, descriptor, bytes(buffer))
            buffer.clear()
    await paths.on_volume(action, paths.write_all, descriptor, bytes(buffer))
    await paths.on_volume(action, os.fsync, descriptor)
    return length


async def _read_chunks(path: Path, key: str) -> AsyncIterator[bytes]:
    action = f"read artifact {key!r}"
    file = await paths.on_volume(action, path.open, "rb")
    with file:
        while chunk := await paths.on_volume(action, file.read, _READ_BYTES):
            yield chunk
