"""What every `ports.LogStore` promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from opweave_operator import errors, ports
from opweave_operator.core import model
from opweave_operator.storage.logs import FileLogStore

REF = ports.AttemptRef(
    run_id=model.RunId("01jd7q"), step_key=model.StepKey("graph.op[a/b]"), number=1
)


@pytest.fixture
def store(tmp_path: Path) -> ports.LogStore:
    return FileLogStore(tmp_path / "logs")


def places_of_files(directory: Path) -> list[str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return [path.relative_to(directory).parts[0] for path in files]


async def test_bytes_are_appended_and_read_from_any_offset(store: ports.LogStore) -> None:
    assert await store.append(REF, "stdout", 0, b"one\n") == 4
    assert await store.append(REF, "stdout", 4, b"two\n") == 8
    assert await store.read(REF, "stdout", 0, 100) == b"one\ntwo\n"
    assert await store.read(REF, "stdout", 2, 3) == b"e\nt"
    assert await store.read(REF, "stdout", 8, 10) == b""
    assert await store.read(REF, "stdout", 99, 10) == b""
    assert await store.length(REF, "stdout") == 8


async def test_streams_and_attempts_are_apart(store: ports.LogStore) -> None:
    other = ports.AttemptRef(run_id=REF.run_id, step_key=REF.step_key, number=2)
    await store.append(REF, "stdout", 0, b"out")
    await store.append(REF, "stderr", 0, b"err!")
    assert await store.length(REF, "stdout") == 3
    assert await store.length(REF, "stderr") == 4
    assert await store.length(other, "stdout") == 0
    assert await store.read(other, "stdout", 0, 10) == b""


@pytest.mark.parametrize("offset", [0, 2, 4, 100, -1])
async def test_another_offset_changes_nothing_and_tells_the_length(
    store: ports.LogStore, offset: int
) -> None:
    """Bytes sent again, and bytes from a future that was lost, are not stored."""
    await store.append(REF, "stdout", 0, b"12345")
    assert await store.append(REF, "stdout", offset, b"xyz") == 5
    assert await store.read(REF, "stdout", 0, 100) == b"12345"


async def test_concurrent_appends_at_one_offset_store_one(
    store: ports.LogStore, tmp_path: Path
) -> None:
    """Also from two processes that serve the same volume."""
    other = FileLogStore(tmp_path / "logs")
    lengths = await asyncio.gather(
        *(s.append(REF, "stdout", 0, b"12345") for s in (store, other) * 5)
    )
    assert lengths == [5] * 10
    assert await store.length(REF, "stdout") == 5


async def test_logs_survive_a_restart(store: ports.LogStore, tmp_path: Path) -> None:
    await store.append(REF, "stdout", 0, b"before")
    again = FileLogStore(tmp_path / "logs")
    assert await again.append(REF, "stdout", 6, b" after") == 12
    assert await again.read(REF, "stdout", 0, 100) == b"before after"


async def test_a_stream_that_is_full_says_so_and_takes_no_more(tmp_path: Path) -> None:
    """The step goes on: what is dropped counts as sent."""
    store = FileLogStore(tmp_path, max_stream_bytes=10)
    assert await store.append(REF, "stdout", 0, b"12345678") == 8
    assert await store.append(REF, "stdout", 8, b"90abcdef") == 16
    assert await store.append(REF, "stdout", 16, b"more") == 20
    text = await store.read(REF, "stdout", 0, 1000)
    assert text.startswith(b"1234567890\n[opweave: this stream reached its limit of 10 bytes")
    assert text.count(b"limit") == 1
    assert await store.length(REF, "stdout") == len(text)


@pytest.mark.parametrize("stream", ["", "../stdout", "stdin", "stdout\0"])
async def test_an_unknown_stream_is_refused(store: ports.LogStore, stream: str) -> None:
    with pytest.raises(errors.StorageRefused):
        await store.append(REF, stream, 0, b"x")
    with pytest.raises(errors.StorageRefused):
        await store.read(REF, stream, 0, 1)
    with pytest.raises(errors.StorageRefused):
        await store.length(REF, stream)


@pytest.mark.parametrize("key", ["../../x", "..", "/abs", "a\0b", "\ud800"])
async def test_hostile_names_stay_inside(store: ports.LogStore, tmp_path: Path, key: str) -> None:
    ref = ports.AttemptRef(run_id=model.RunId(key), step_key=model.StepKey(key), number=1)
    await store.append(ref, "stdout", 0, b"x")
    assert await store.length(ref, "stdout") == 1
    assert places_of_files(tmp_path) == ["logs"]
