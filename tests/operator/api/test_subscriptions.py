"""Following a run over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from support import builders
from support.api_world import World

QUERY = "subscription($id: ID!, $after: Int!) { runEvents(runId: $id, after: $after) { number eventType } }"


async def follow(world: World, run_id: str, after: int = -1) -> AsyncIterator[dict[str, Any]]:
    """Yield the payload of each message until the server says that it is complete."""
    url = world.url.replace("http", "ws") + "/graphql"
    async with connect(
        url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None
    ) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        payload = {"query": QUERY, "variables": {"id": run_id, "after": after}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "complete":
                return
            yield message["payload"]
            if message["type"] == "error":
                return


async def test_every_event_arrives_once_and_the_end_is_told(any_world: World) -> None:
    """Stored events first, then live ones, without a gap, until the run has ended."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()

    numbers: list[int] = []
    reported = 0
    async for payload in follow(any_world, run.id):
        numbers.append(payload["data"]["runEvents"]["number"])
        if reported < 5:
            await worker.send(worker.event(), worker.event())
            reported += 1
        elif reported == 5:
            await worker.send(worker.success())
            await any_world.advance(run.id)
            reported += 1

    stored = await any_world.stores.events.events(run.id)
    assert [event.number for event in stored] == numbers
    assert len(numbers) > 11


async def test_whoever_comes_back_goes_on_where_it_stopped(world: World) -> None:
    """Nothing is lost or told twice after a broken connection."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()
    await worker.send(*(worker.event() for _ in range(10)), worker.success())
    await world.advance(run.id)

    first = []
    async for payload in follow(world, run.id):
        first.append(payload["data"]["runEvents"]["number"])
        if len(first) == 4:
            break
    rest = [p["data"]["runEvents"]["number"] async for p in follow(world, run.id, after=first[-1])]

    stored = await world.stores.events.events(run.id)
    assert [event.number for event in stored] == first + rest


@pytest.mark.parametrize("run_id", ["0" * 26, "nonsense"])
async def test_a_run_that_does_not_exist_is_an_error(world: World, run_id: str) -> None:
    """And the error says so."""
    (payload,) = [message async for message in follow(world, run_id)]

    errors = payload if isinstance(payload, list) else payload["errors"]
    assert "run" in errors[0]["message"]


async def test_a_page_of_another_site_cannot_connect(world: World) -> None:
    """Browsers send the origin of the page; it must be ours."""
    url = world.url.replace("http", "ws") + "/graphql"

    with pytest.raises(websockets.InvalidStatus, match="403"):
        async with connect(
            url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers={"Origin": "https://evil.example"},
            proxy=None,
        ):
            pass
