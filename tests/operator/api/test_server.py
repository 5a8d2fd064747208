"""What holds for every request to the web role."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

import httpx
import pytest

from opweave_operator.api.dependencies import ApiSettings
from opweave_operator.api.server import ApiServer, create_app, serve
from support import api_world, builders
from support.api_world import World


async def test_probes_tell_that_the_process_lives_and_can_serve(world: World) -> None:
    """Both are 200; when it cannot serve, readiness says why."""

    async def not_ready() -> str:
        return "3 migrations are pending"

    alive = await world.client.get("healthz")
    ready = await world.client.get("readyz")
    async with (
        api_world.serve(replace(world.dependencies, why_not_ready=not_ready)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        refused = await client.get("readyz")

    assert (alive.status_code, alive.text) == (200, "ok")
    assert ready.json() == {"version": "0.0.test"}
    assert (refused.status_code, refused.json()["message"]) == (503, "3 migrations are pending")


async def test_metrics_tell_runs_requests_and_the_queue(world: World) -> None:
    """Routes are named by their pattern, so that ids make no endless series."""
    await world.stores.runs.create(api_world.run(builders.planned("load")), ())
    await world.client.get("healthz")
    world.dependencies.metrics.observe_handoff(0.004)

    text = (await world.client.get("metrics")).text

    assert 'opweave_runs{status="QUEUED"} 1.0' in text
    assert "opweave_queue_length 1.0" in text
    assert (
        'opweave_http_request_seconds_count{method="GET",route="/healthz",status="2xx"} 1.0' in text
    )
    assert 'opweave_handoff_seconds_bucket{le="0.005"} 1.0' in text


async def test_everything_works_under_a_path_prefix(world: World) -> None:
    """An instance may share a host with others."""
    settings = replace(world.dependencies.settings, path_prefix="/teams/opweave")
    async with (
        api_world.serve(replace(world.dependencies, settings=settings)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        replies = [
            await client.get("healthz"),
            await client.get("graphql"),
            await client.post("graphql", json={"query": "{ version }"}),
        ]
        outside = await client.get(url.replace("/teams/opweave", "") + "/healthz")

    assert [reply.status_code for reply in (*replies, outside)] == [200, 200, 200, 404]


async def test_only_the_named_hosts_are_answered(world: World) -> None:
    """A web page cannot reach a laptop's API by a name of its own that resolves to the loopback."""
    settings = ApiSettings(allowed_hosts=("127.0.0.1", "localhost"))
    async with (
        api_world.serve(replace(world.dependencies, settings=settings)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        own = await client.get("healthz")
        foreign = await client.get("healthz", headers={"Host": "evil.example"})

    assert (own.status_code, foreign.status_code) == (200, 400)


@pytest.mark.parametrize("path", ["healthz", "graphql", "nothing", "api/v1/runs/x/events"])
async def test_every_reply_forbids_framing_and_guessing(world: World, path: str) -> None:
    """Errors too."""
    headers = (await world.client.get(path)).headers

    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


async def test_the_console_loads_nothing_from_elsewhere(world: World) -> None:
    """The page, its script and its style come from this server and work without the internet."""
    page = await world.client.get("graphql")
    script = await world.client.get("graphql/console.js")
    style = await world.client.get("graphql/console.css")
    schema = await world.client.get("graphql/schema.graphql")

    assert [reply.status_code for reply in (page, script, style, schema)] == [200] * 4
    assert "http" not in page.text + script.text + style.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "type Query" in schema.text


async def test_a_reply_does_not_wait_for_a_delayed_acknowledgement(world: World) -> None:
    """Connections have Nagle's algorithm off: the head and the body of a reply go out at once."""
    server = ApiServer(create_app(world.dependencies), "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    try:
        assert server._socket.proto == socket.IPPROTO_TCP
    finally:
        server.stop()
        await serving


async def test_serving_ends_with_its_task(world: World) -> None:
    """Bootstrap cancels; the address is free again afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    app = create_app(world.dependencies)
    for _ in range(2):
        started = asyncio.Event()
        serving = asyncio.create_task(serve(app, "127.0.0.1", port, on_started=started.set))
        await started.wait()
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.get(f"http://127.0.0.1:{port}/healthz")
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        assert reply.status_code == 200


async def test_an_address_that_is_taken_is_said_so(world: World) -> None:
    """An error that names the address; the process is not ended behind its owner's back."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve(create_app(world.dependencies), "127.0.0.1", port)


async def test_the_log_of_a_run_waits_for_news(world: World) -> None:
    """A page that waits is answered by the commit, not by the clock, and asking on loses nothing."""
    run = await world.launch(builders.planned("load"))
    path = f"api/v1/runs/{run.id}/events"
    first = (await world.client.get(path)).json()
    worker = await world.worker(run, "load")
    await worker.start()

    waiting = asyncio.create_task(
        world.client.get(path, params={"after": first["next_after"], "wait": 30})
    )
    await asyncio.sleep(0)
    await worker.send(worker.event(message="news"))
    news = (await waiting).json()

    assert [event["message"] for event in news["events"]] == ["news"]
    assert (False, first["next_after"] + 1) == (news["is_finished"], news["next_after"])


@pytest.mark.parametrize(
    ("query", "status"), [({"after": "x"}, 400), ({"wait": "-1"}, 400), ({}, 404)]
)
async def test_a_wrong_question_for_a_log_is_refused(
    world: World, query: dict[str, str], status: int
) -> None:
    """Numbers are checked, and a run that does not exist is not found."""
    reply = await world.client.get(f"api/v1/runs/{'0' * 26}/events", params=query)

    assert status == reply.status_code
