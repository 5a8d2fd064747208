"""Outputs of steps over real HTTP: streamed both ways, readable only by whom the plan allows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from opweave.wire import message
from opweave.wire import plan as wire_plan
from opweave.wire.attempt import FailureKind, ProducedOutput
from opweave_operator.api.dependencies import ApiSettings
from opweave_operator.core import model
from support import api_world, builders
from support.api_world import StepWorker, World


async def _finished(world: World, run: model.Run, key: str, content: bytes) -> StepWorker:
    """Run a step that stores *content* as its result."""
    worker = await world.worker(run, key)
    await worker.start()
    stored = await worker.put_output("result", content)
    assert stored.status_code == 204
    await worker.send(worker.success(ProducedOutput(name="result")))
    await world.advance(run.id)
    return worker


async def test_an_output_reaches_the_step_that_depends_on_it(world: World) -> None:
    """The bytes arrive as they were stored."""
    content = os.urandom(3_000_001)
    run = await world.launch(builders.planned("load"), builders.planned("clean", "load"))
    await _finished(world, run, "load", content)
    reader = await world.worker(run, "clean")
    await reader.start()

    read = await reader.get_input(run.id, "load", "result")

    assert (200, content) == (read.status_code, read.content)


async def test_a_step_cannot_read_what_its_plan_does_not_feed_it(world: World) -> None:
    """Another step's output and another run's output are 403."""
    run = await world.launch(builders.planned("load"), builders.planned("other"))
    foreign = await world.launch(builders.planned("load"))
    await _finished(world, run, "load", b"secret")
    await _finished(world, foreign, "load", b"secret")
    reader = await world.worker(run, "other")
    await reader.start()

    replies = [
        await reader.get_input(run.id, "load", "result"),
        await reader.get_input(foreign.id, "load", "result"),
    ]

    assert [(r.status_code, r.json()["code"]) for r in replies] == [(403, "NotYourInput")] * 2


async def test_a_run_reads_those_outputs_of_an_earlier_run_that_its_plan_names(
    world: World,
) -> None:
    """Nothing else of it, not even another output; a run of another location is as foreign as any."""
    parent = await world.launch(builders.planned("load"), builders.planned("other"))
    await _finished(world, parent, "load", b"kept")
    await _finished(world, parent, "other", b"not asked for")
    source = wire_plan.OutputRef(step_key="load", run_id=parent.id)
    item = wire_plan.StepInput(name="rows", sources=(source,))
    clean = message.replace(builders.planned("clean"), inputs=(item,))
    near = await world.launch(clean, parent_run_id=parent.id)
    elsewhere = model.LocationRef(namespace="elsewhere", name="shop")
    far = await world.launch(clean, parent_run_id=parent.id, location=elsewhere)
    unnamed = await world.launch(builders.planned("clean"), parent_run_id=parent.id)

    replies = []
    for run, key in ((near, "load"), (near, "other"), (far, "load"), (unnamed, "load")):
        reader = await world.worker(run, "clean")
        await reader.start()
        replies.append(await reader.get_input(parent.id, key, "result"))

    assert [reply.status_code for reply in replies] == [200, 403, 403, 403]
    assert replies[0].content == b"kept"


async def test_what_was_not_stored_is_not_found(world: World) -> None:
    """404 NotStored, by which an I/O manager knows it from an unknown attempt."""
    run = await world.launch(builders.planned("load"), builders.planned("clean", "load"))
    first = await world.worker(run, "load")
    await first.start()
    await first.send(first.success(ProducedOutput(name="result")))
    await world.advance(run.id)
    reader = await world.worker(run, "clean")
    await reader.start()

    read = await reader.get_input(run.id, "load", "result")

    assert (read.status_code, read.json()["code"]) == (404, "NotStored")


async def test_only_declared_outputs_of_an_open_attempt_are_stored(world: World) -> None:
    """A name that the plan does not have is 400, after the outcome everything is 409."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()

    unknown = await worker.put_output("../../etc/passwd".replace("/", "%2F"), b"x")
    undeclared = await worker.put_output("extra", b"x")
    await worker.send(worker.success())
    late = await worker.put_output("result", b"x")

    assert [reply.status_code for reply in (unknown, undeclared, late)] == [404, 400, 409]


async def test_an_output_above_the_cap_is_refused_and_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    """413 while it is streamed; the file of the part that came is gone."""
    capped = replace(world.dependencies, settings=ApiSettings(max_artifact_bytes=1000))
    run = await world.launch(builders.planned("load"))
    ref = (await world.worker(run, "load")).ref

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 300

    async with (
        api_world.serve(capped) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        worker = StepWorker(client, ref)
        await worker.start()
        refused = await client.put(
            worker.path("outputs/result"), content=chunks(), headers=worker.headers
        )

    assert (refused.status_code, refused.json()["code"]) == (413, "TooLarge")
    assert [path for path in (tmp_path / "data" / "artifacts").rglob("*") if path.is_file()] == []


async def test_what_a_lost_attempt_stored_does_not_count(world: World) -> None:
    """The download shows the output of the attempt that succeeded."""
    run = await world.launch(builders.planned("load"))
    lost = await world.worker(run, "load")
    await lost.start()
    await lost.put_output("result", b"half")
    await lost.send(lost.failure(FailureKind.INFRASTRUCTURE))

    shown = await world.client.get(f"api/v1/runs/{run.id}/outputs/load/result")

    assert shown.status_code == 404


async def test_people_download_an_output_as_a_file_that_no_browser_runs(world: World) -> None:
    """HTML that a step stored is an attachment of bytes, never a page."""
    run = await world.launch(builders.planned("load"))
    await _finished(world, run, "load", b"<script>alert(1)</script>")

    shown = await world.client.get(f"api/v1/runs/{run.id}/outputs/load/result")

    assert shown.content == b"<script>alert(1)</script>"
    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"].startswith("attachment;")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]


@pytest.mark.parametrize("run_id", ["..%2F..%2Fetc", "x", "0" * 26])
async def test_a_download_of_nothing_is_not_found(world: World, run_id: str) -> None:
    """Whatever the id looks like."""
    shown = await world.client.get(f"api/v1/runs/{run_id}/outputs/load/result")

    assert shown.status_code == 404


async def test_members_of_a_dynamic_output_are_kept_apart(world: World) -> None:
    """Each mapping key has a content of its own."""
    run = await world.launch(builders.planned("load"), builders.planned("clean", "load"))
    worker = await world.worker(run, "load")
    await worker.start()
    for key in ("a", "b"):
        await worker.put_output("result", key.encode(), mapping_key=key)
    produced = (ProducedOutput(name="result", mapping_key=key) for key in ("a", "b"))
    await worker.send(worker.success(*produced))

    shown = [
        await world.client.get(
            f"api/v1/runs/{run.id}/outputs/load/result", params={"mapping_key": key}
        )
        for key in ("a", "b")
    ]

    assert [reply.content for reply in shown] == [b"a", b"b"]
