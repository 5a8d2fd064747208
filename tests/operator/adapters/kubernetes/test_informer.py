"""The informer through what breaks watches: expiry, errors, silence, poison."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from opweave_operator.adapters.kubernetes import backoff
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.informer import Informer
from opweave_operator.adapters.kubernetes.resources import PODS
from support import scripted_api as api


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)


class Changes:
    """What the informer told."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, str | None]] = []
        self._changed = asyncio.Event()

    def add(self, old: str | None, new: str | None) -> None:
        self.told.append((old, new))
        self._changed.set()

    async def until(self, count: int) -> list[tuple[str | None, str | None]]:
        async with asyncio.timeout(10):
            while len(self.told) < count:
                await self._changed.wait()
                self._changed.clear()
        return self.told


def decode(item: Any) -> str | None:
    metadata = item["metadata"]
    if metadata["name"] == "poison":
        raise ValueError("poison")
    return f"{metadata['name']}@{metadata['resourceVersion']}"


@contextlib.asynccontextmanager
async def informing(
    client: Client, changes: Changes, **options: Any
) -> AsyncIterator[Informer[str]]:
    informer = Informer(
        client, PODS, decode=decode, on_change=changes.add, namespaces=["ns"], **options
    )
    task = asyncio.create_task(informer.run())
    try:
        yield informer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_changes_are_followed() -> None:
    hold = asyncio.Event()
    watch = api.stream(
        {"type": "ADDED", "object": api.pod("b", 6)},
        {"type": "MODIFIED", "object": api.pod("a", 7)},
        {"type": "DELETED", "object": api.pod("b", 8)},
        then=hold,
    )
    changes = Changes()
    async with api.serving(api.reply(api.listed(5, api.pod("a", 1))), watch) as (client, _):
        async with informing(client, changes) as informer:
            told = await changes.until(4)
            assert told == [(None, "a@1"), (None, "b@6"), ("a@1", "a@7"), ("b@6", None)]
            assert informer.get("ns", "a") == "a@7"
            assert informer.get("ns", "b") is None
        hold.set()


async def test_an_expired_watch_lists_again_and_tells_deletions() -> None:
    """What vanished meanwhile sends no event: the new list tells it."""
    hold = asyncio.Event()
    expired = api.stream({"type": "ERROR", "object": api.status(410, "Expired")})
    changes = Changes()
    answers = (
        api.reply(api.listed(5, api.pod("a", 1), api.pod("b", 2))),
        expired,
        api.reply(api.listed(9, api.pod("a", 1))),
        api.stream(then=hold),
    )
    async with api.serving(*answers) as (client, _):
        async with informing(client, changes):
            assert (await changes.until(3))[2] == ("b@2", None)
        hold.set()


async def test_a_watch_goes_on_where_it_ended() -> None:
    """Bookmarks move the place forward without an object."""
    hold = asyncio.Event()
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "42"}}}
    changes = Changes()
    answers = (
        api.reply(api.listed(5)),
        api.stream(bookmark),
        api.stream({"type": "ADDED", "object": api.pod("a", 43)}, then=hold),
    )
    async with api.serving(*answers) as (client, script):
        async with informing(client, changes):
            await changes.until(1)
            assert script.requests[2][2]["resourceVersion"] == "42"
        hold.set()


async def test_a_silent_watch_is_given_up() -> None:
    never = asyncio.Event()
    changes = Changes()
    answers = (
        api.reply(api.listed(5)),
        api.stream(then=never),
        api.stream({"type": "ADDED", "object": api.pod("a", 6)}, then=never),
    )
    async with api.serving(*answers) as (client, _):
        async with informing(client, changes, stall_seconds=0.05):
            assert await changes.until(1) == [(None, "a@6")]
        never.set()


async def test_an_object_that_cannot_be_understood_stops_no_other() -> None:
    hold = asyncio.Event()
    changes = Changes()
    first = api.reply(api.listed(5, api.pod("poison", 1), api.pod("a", 2)))
    async with api.serving(first, api.stream(then=hold)) as (client, _):
        async with informing(client, changes) as informer:
            await changes.until(1)
            assert informer.values() == ["a@2"]
        hold.set()


async def test_an_answer_to_a_request_is_known_before_the_watch_tells_it() -> None:
    """And neither an older list nor the watch's own report undoes or repeats it."""
    hold = asyncio.Event()
    changes = Changes()
    events = (
        {"type": "ADDED", "object": api.pod("new", 8)},
        {"type": "ADDED", "object": api.pod("last", 9)},
    )
    release = asyncio.Event()

    async def late(request: Any) -> Any:
        await release.wait()
        return await api.stream(*events, then=hold)(request)

    async with api.serving(api.reply(api.listed(5)), late) as (client, _):
        async with informing(client, changes) as informer:
            await informer.wait_synced()
            assert informer.put(api.pod("new", 8)) == "new@8"
            release.set()
            assert await changes.until(2) == [(None, "new@8"), (None, "last@9")]
        hold.set()


async def test_a_late_answer_does_not_bring_back_what_was_deleted() -> None:
    hold = asyncio.Event()
    changes = Changes()
    events = (
        {"type": "ADDED", "object": api.pod("a", 6)},
        {"type": "DELETED", "object": api.pod("a", 7)},
    )
    async with api.serving(api.reply(api.listed(5)), api.stream(*events, then=hold)) as (client, _):
        async with informing(client, changes) as informer:
            await changes.until(2)
            assert informer.put(api.pod("a", 6)) is None
        hold.set()
