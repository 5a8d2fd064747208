"""Code servers over HTTP: what happens while nobody answers."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.adapters.http_code_locations import HttpCodeLocations


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def answer_plan(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(x.split(b":")[1])
        for x in head.split(b"\r\n")
        if x.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)
    body = json.dumps({"message": "no such job"}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def test_a_server_that_comes_up_late_is_waited_for() -> None:
    """A Service refuses connections until its first endpoint is known everywhere."""
    port = free_port()
    async with HttpCodeLocations() as locations:
        request = wire_location.PlanRequest(job="daily")
        asked = asyncio.create_task(locations.plan(f"http://127.0.0.1:{port}", request))
        await asyncio.sleep(0)
        server = await asyncio.start_server(answer_plan, "127.0.0.1", port)
        assert "no such job" == (await asked).message
        server.close()


async def test_a_probe_is_not_patient() -> None:
    """Health is asked often, and an answer that nobody gives is an answer."""
    async with HttpCodeLocations() as locations:
        with pytest.raises(ports.LocationUnavailable, match="Cannot connect"):
            await asyncio.wait_for(locations.health(f"http://127.0.0.1:{free_port()}"), 2)
