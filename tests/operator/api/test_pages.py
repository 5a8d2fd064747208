"""The plain pages at the addresses that the command line prints."""

from __future__ import annotations

from dataclasses import replace

import httpx

from opweave.wire import attempt as wire_attempt
from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.core import model
from support import api_world, builders
from support.api_world import World

HOSTILE = "<script>alert(1)</script>"


async def test_the_first_page_leads_to_runs_locations_and_graphql(world: World) -> None:
    """With what stands in the way of a location."""
    run = await world.launch(builders.planned("load"), job=HOSTILE)
    failure = wire_location.LoadFailure(reason="ImportFailed", message="no duckdb (defs.py:3)")
    ref = model.LocationRef(namespace="local", name="shop")
    await world.stores.catalog.put_location(ports.LocationRecord(ref=ref, failure=failure))
    other = model.LocationRef(namespace="local", name="slow")
    await world.stores.catalog.put_location(ports.LocationRecord(ref=other))

    page = await world.client.get("")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f'href="runs/{run.id}"' in page.text
    assert 'href="graphql"' in page.text
    assert "ImportFailed: no duckdb (defs.py:3)" in page.text
    assert "still loading" in page.text
    assert HOSTILE not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_run_shows_its_steps_errors_logs_and_outputs(world: World) -> None:
    """Every link on the page leads somewhere."""
    run = await world.launch(builders.planned("load"), builders.planned("clean"))
    load, clean = await world.worker(run, "load"), await world.worker(run, "clean")
    for worker in (load, clean):
        await worker.start()
    await load.put_output("result", b"[1]")
    await load.put_log("stdout", 0, b"hi\n")
    await load.send(load.success(wire_attempt.ProducedOutput(name="result")))
    await clean.send(clean.failure())
    await world.advance(run.id)

    page = await world.client.get(f"runs/{run.id}")
    api = f"../api/v1/runs/{run.id}"
    log = await world.client.get(f"{api}/logs/load/1/stdout".removeprefix("../"))
    output = await world.client.get(f"{api}/outputs/load/result".removeprefix("../"))

    assert "ZeroDivisionError: division by zero" in page.text
    assert "<pre>line 1</pre>" in page.text
    for address in (f"{api}/logs/load/1/stdout", f"{api}/outputs/load/result"):
        assert f'href="{address}"' in page.text
    assert (log.text, output.content) == ("hi\n", b"[1]")


async def test_nothing_in_a_page_is_run_or_loaded(world: World) -> None:
    """The policy allows its own style by digest, and nothing else."""
    for page in (await world.client.get(""), await world.client.get("runs/none")):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; style-src 'sha256-" in policy
        assert "http:" not in page.text
        assert "https:" not in page.text
        assert "<script" not in page.text


async def test_a_beginning_of_an_id_is_enough(world: World) -> None:
    """It leads to the run; what names none is not found, in words."""
    run = await world.launch(builders.planned("load"))

    short = await world.client.get(f"runs/{run.id[:20]}")
    missing = await world.client.get(f"runs/{HOSTILE.replace('/', '%5C')}")

    assert (short.status_code, short.headers["location"]) == (303, run.id)
    assert missing.status_code == 404
    assert "there is no run" in missing.text
    assert "<script" not in missing.text


async def test_the_pages_work_under_a_prefix(world: World) -> None:
    """Links and redirects are relative."""
    run = await world.launch(builders.planned("load"))
    settings = replace(world.dependencies.settings, path_prefix="/teams/opweave")
    async with (
        api_world.serve(replace(world.dependencies, settings=settings)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, follow_redirects=True) as client,
    ):
        home = await client.get(url)
        page = await client.get(f"runs/{run.id[:20]}")

    assert (home.status_code, str(home.url)) == (200, f"{url}/")
    assert (page.status_code, str(page.url)) == (200, f"{url}/runs/{run.id}")
