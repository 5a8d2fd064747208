"""Logs of step processes over real HTTP."""

from __future__ import annotations

import asyncio

import pytest

from opweave_operator.core import model
from support import builders
from support.api_world import StepWorker, World


async def _started(world: World) -> tuple[model.Run, StepWorker]:
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()
    return run, worker


async def test_pieces_are_stored_in_order_and_shown_as_plain_text(world: World) -> None:
    """What a step prints is text for a browser, whatever it looks like."""
    run, worker = await _started(world)

    stored = [
        await worker.put_log("stdout", 0, b"<b>one</b>\n"),
        await worker.put_log("stdout", 11, "zwölf\n".encode()),
        await worker.put_log("stderr", 0, b"warning\n"),
    ]
    shown = await world.client.get(f"api/v1/runs/{run.id}/logs/load/1/stdout")
    part = await world.client.get(
        f"api/v1/runs/{run.id}/logs/load/latest/stdout", params={"offset": 11}
    )

    assert [reply.status_code for reply in stored] == [204, 204, 204]
    assert (shown.text, part.text) == ("<b>one</b>\nzwölf\n", "zwölf\n")
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert shown.headers["x-content-type-options"] == "nosniff"


async def test_a_wrong_offset_is_answered_with_the_stored_length(world: World) -> None:
    """The process goes on from there; a repeat of stored bytes is no harm."""
    _, worker = await _started(world)
    await worker.put_log("stdout", 0, b"0123456789")

    ahead = await worker.put_log("stdout", 20, b"x")
    repeat = await worker.put_log("stdout", 5, b"56789")

    assert (ahead.status_code, ahead.json()) == (409, {"length": 10})
    assert repeat.status_code == 204


async def test_the_end_of_a_log_is_taken_after_the_outcome(world: World) -> None:
    """The outcome goes first so that the next step starts at once."""
    run, worker = await _started(world)
    await worker.put_log("stdout", 0, b"body\n")
    await worker.send(worker.success())

    late = await worker.put_log("stdout", 5, b"exit\n")
    shown = await world.client.get(f"api/v1/runs/{run.id}/logs/load/1/stdout")

    assert (late.status_code, shown.text) == (204, "body\nexit\n")


async def test_another_attempts_token_cannot_write_the_log(world: World) -> None:
    """A log belongs to its worker."""
    _, worker = await _started(world)

    refused = await StepWorker(world.client, worker.ref, token="another").put_log("stdout", 0, b"x")

    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("stream", "offset"), [("stdin", 0), ("stdout", -1), ("stdout", "x"), ("stdout", 10**15)]
)
async def test_a_malformed_piece_is_refused(world: World, stream: str, offset: object) -> None:
    """A stream that does not exist and an offset that is no length are 400."""
    _, worker = await _started(world)

    refused = await worker.put_log(stream, offset, b"x")

    assert (refused.status_code, refused.json()["code"]) == (400, "Invalid")


async def test_a_piece_that_is_too_large_is_refused(world: World) -> None:
    """4 MiB at a time are enough."""
    _, worker = await _started(world)

    refused = await worker.put_log("stdout", 0, b"x" * (4 * 1024 * 1024 + 1))

    assert refused.status_code == 413


async def test_a_live_view_shows_what_comes_and_ends_with_the_attempt(world: World) -> None:
    """The view begins before the second piece is stored and ends by itself after the outcome."""
    run, worker = await _started(world)
    await worker.put_log("stdout", 0, b"one\n")
    seen_first = asyncio.Event()
    received = bytearray()

    async def view() -> None:
        path = f"api/v1/runs/{run.id}/logs/load/1/stdout"
        async with world.client.stream("GET", path, params={"follow": "1"}) as reply:
            async for chunk in reply.aiter_bytes():
                received.extend(chunk)
                seen_first.set()

    viewing = asyncio.create_task(view())
    await seen_first.wait()
    await worker.put_log("stdout", 4, b"two\n")
    await worker.send(worker.success())
    await worker.put_log("stdout", 8, b"three\n")
    await viewing

    assert bytes(received) == b"one\ntwo\nthree\n"


@pytest.mark.parametrize(
    "path", ["load/9/stdout", "nothing/1/stdout", "load/x/stdout", "load/latest/stdin"]
)
async def test_a_log_that_does_not_exist_is_not_found(world: World, path: str) -> None:
    """Step, attempt and stream are each checked."""
    run, _ = await _started(world)

    shown = await world.client.get(f"api/v1/runs/{run.id}/logs/{path}")

    assert shown.status_code in (400, 404)
    assert shown.json()["message"]
