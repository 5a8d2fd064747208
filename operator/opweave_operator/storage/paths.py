"""Turn keys that users' code named into paths that stay inside a directory."""

from __future__ import annotations

import os
import string
from collections.abc import Sequence
from pathlib import Path

from opweave_operator import errors

_PLAIN = frozenset((string.ascii_letters + string.digits + "_-.[]()=,@+~ ").encode("ascii"))
_MAX_SEGMENT_BYTES = 250
"""File systems allow 255; some are left for a suffix."""
_MAX_SEGMENTS = 16


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


def sync_directory(directory: Path) -> None:
    """Make the names in *directory* survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def volume_failed(error: OSError, action: str) -> errors.StorageError:
    """Return what the caller of a store shall see of *error*, which met *action* on the instance's volume."""
    return errors.StorageError(
        f"the instance's volume failed to {action}: {error.strerror or error};"
        " check its free space and permissions"
    )
