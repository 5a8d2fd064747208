"""What every `ports.ArtifactStore` promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opweave_operator import errors, ports
from opweave_operator.storage.artifacts import FileArtifactStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "volume" / "artifacts"


@pytest.fixture
def store(root: Path) -> ports.ArtifactStore:
    return FileArtifactStore(root)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(store: ports.ArtifactStore, key: str) -> bytes | None:
    found = await store.read(key)
    return None if found is None else b"".join([chunk async for chunk in found])


def names_of_files(directory: Path, outside: Path | None = None) -> list[str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return [path.name for path in files if outside is None or outside not in path.parents]


async def test_what_was_written_is_read(store: ports.ArtifactStore) -> None:
    parts = [bytes([n]) * 700_000 for n in range(5)]
    assert await store.write("run/step/1/result", chunks(*parts)) == 3_500_000
    assert await content(store, "run/step/1/result") == b"".join(parts)


async def test_an_empty_object_is_an_object(store: ports.ArtifactStore) -> None:
    assert await store.write("empty", chunks()) == 0
    assert await content(store, "empty") == b""


async def test_an_unknown_key_is_none(store: ports.ArtifactStore) -> None:
    assert await content(store, "no/such/key") is None


async def test_writing_again_replaces(store: ports.ArtifactStore) -> None:
    await store.write("key", chunks(b"a longer first"))
    await store.write("key", chunks(b"second"))
    assert await content(store, "key") == b"second"


async def test_a_writer_that_breaks_off_changes_nothing(
    store: ports.ArtifactStore, root: Path
) -> None:
    """An upload that ends in the middle leaves the old object, and nothing beside it."""
    await store.write("key", chunks(b"old"))

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await store.write("key", broken())
    assert await content(store, "key") == b"old"
    assert names_of_files(root) == ["key%object"]


async def test_concurrent_writers_of_one_key_leave_one_whole_object(
    store: ports.ArtifactStore,
) -> None:
    values = [bytes([n]) * 1_500_000 for n in range(4)]
    await asyncio.gather(*(store.write("key", chunks(value)) for value in values))
    assert await content(store, "key") in values


async def test_another_process_reads_it(store: ports.ArtifactStore, root: Path) -> None:
    await store.write("a/b", chunks(b"kept"))
    assert await content(FileArtifactStore(root), "a/b") == b"kept"


HOSTILE = [
    "../../etc/passwd",
    "a/../../b",
    ".",
    "..",
    ".unfinished/x",
    "a/..",
    "nul\0byte",
    "back\\slash",
    "%2E%2E",
    "ünïcode/\U0001f600",
    "\ud800",
    "a[x/y]",
    "con*?:|<>",
]


async def test_hostile_keys_stay_apart_and_inside(store: ports.ArtifactStore, root: Path) -> None:
    """Each key is its own object, and no file appears outside the directory."""
    for key in HOSTILE:
        await store.write(key, chunks(repr(key).encode()))
    for key in HOSTILE:
        assert await content(store, key) == repr(key).encode()
    assert names_of_files(root.parent, outside=root) == []


@pytest.mark.parametrize(
    "key", ["", "/", "/absolute", "a//b", "a/", "x" * 300, "é" * 100, "a/" * 20]
)
async def test_a_key_without_a_place_is_refused(store: ports.ArtifactStore, key: str) -> None:
    with pytest.raises(errors.StorageRefused):
        await store.write(key, chunks(b"x"))
    with pytest.raises(errors.StorageRefused):
        await store.read(key)
