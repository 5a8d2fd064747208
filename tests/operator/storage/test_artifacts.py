"""The part of `storage/artifacts.py` beyond its contract."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opweave_operator import errors
from opweave_operator.storage.artifacts import FileArtifactStore


def test_what_a_dead_writer_left_is_removed_after_a_day(tmp_path: Path) -> None:
    """A younger file may belong to a writer in another process."""
    unfinished = tmp_path / ".unfinished"
    unfinished.mkdir()
    now = time.time()
    for name, age_seconds in (("young", 60), ("old", 25 * 3600)):
        (unfinished / name).write_bytes(b"x")
        os.utime(unfinished / name, (now - age_seconds, now - age_seconds))
    FileArtifactStore(tmp_path).remove_unfinished(now)
    assert [path.name for path in unfinished.iterdir()] == ["young"]


async def test_a_volume_that_fails_is_named_with_what_it_failed_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FileArtifactStore(tmp_path / "file")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    with pytest.raises(
        errors.StorageError, match="failed to store artifact 'key': Not a directory"
    ):
        await store.write("key", chunks())


def test_an_empty_volume_needs_no_cleaning(tmp_path: Path) -> None:
    FileArtifactStore(tmp_path / "none").remove_unfinished()
    assert not (tmp_path / "none").exists()
