"""Files on the instance's volume: keys that users' code named become paths that stay inside a directory."""

from __future__ import annotations

import asyncio
import os
import shutil
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from opweave_operator import errors
from opweave_operator.core import model

P = ParamSpec("P")
T = TypeVar("T")

_PLAIN = frozenset((string.ascii_letters + string.digits + "_-.[]()=,@+~ ").encode("ascii"))
_MAX_SEGMENT_BYTES = 240
"""File systems allow 255; the rest is for `OBJECT_SUFFIX`."""
_MAX_SEGMENTS = 16

OBJECT_SUFFIX = "%object"
"""Ends the name of an object's file, so that ``a`` and ``a/b`` can both be objects: no encoded part ends like this."""


def join_segments(root: Path, segments: Sequence[str]) -> Path:
    """Return the path under *root* that belongs to *segments* alone.

    Characters other than plain ones, and a leading dot, are percent-encoded, so no segment can be ``..``, hold a slash,
    or meet the encoded form of another.

    Raises:
        StorageRefused: A segment is empty or too long, or there are too many.
    """
    if not 0 < len(segments) <= _MAX_SEGMENTS:
        raise errors.StorageRefused(f"a key has 1 to {_MAX_SEGMENTS} parts, not {len(segments)}")
    return root.joinpath(*(_encode(segment) for segment in segments))


def _encode(segment: str) -> str:
    data = segment.encode("utf-8", "surrogatepass")
    encoded = "".join(
        chr(byte) if byte in _PLAIN and not (place == 0 and byte == ord(".")) else f"%{byte:02X}"
        for place, byte in enumerate(data)
    )
    if not encoded:
        raise errors.StorageRefused("a key must not have an empty part")
    if len(encoded) > _MAX_SEGMENT_BYTES:
        raise errors.StorageRefused(
            f"{segment[:40]!r}... takes {len(encoded)} bytes in a file name; at most"
            f" {_MAX_SEGMENT_BYTES} are possible, use a shorter name"
        )
    return encoded


def run_directories(root: Path) -> list[model.RunId]:
    """Return the runs that have a directory of their own under *root*."""
    if not root.is_dir():
        return []
    names = (path.name for path in root.iterdir() if path.is_dir())
    return [model.RunId(name) for name in names if not name.startswith(".")]


def remove_run(root: Path, run_id: model.RunId) -> None:
    """Remove the directory of a run under *root*; there need not be one."""
    directory = join_segments(root, (run_id,))
    if directory.is_dir():
        shutil.rmtree(directory)


def write_all(descriptor: int, data: bytes) -> None:
    """Write *data* whole; the system may take it in parts."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(directory: Path) -> None:
    """Make the names in *directory* survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def on_volume(action: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *function* in a thread; its `OSError` becomes a `StorageError` that names the *action*."""
    try:
        return await asyncio.to_thread(function, *args, **kwargs)
    except OSError as error:
        raise volume_failed(error, action) from error


def volume_failed(error: OSError, action: str) -> errors.StorageError:
    """Return what the caller of a store shall see of *error*, which met *action* on the instance's volume."""
    return errors.StorageError(
        f"the instance's volume failed to {action}: {error.strerror or error};"
        " check its free space and permissions"
    )
