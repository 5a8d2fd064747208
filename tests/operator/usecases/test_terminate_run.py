"""Asking runs to end, on real storage."""

from __future__ import annotations

import asyncio

from opweave_operator.core import model
from opweave_operator.usecases.terminate_run import (
    RunFinished,
    RunNotFound,
    RunTerminator,
    TerminationRequested,
)
from support import api_world, builders
from support.api_world import World


def terminator(world: World) -> RunTerminator:
    """Return a terminator over the storage of *world*."""
    return RunTerminator(runs=world.stores.runs, clock=world.dependencies.clock)


async def test_the_wish_is_stored_once_with_who_asked(any_world: World) -> None:
    """However many ask at once, one wish and one line in the log."""
    run = await any_world.launch(builders.planned("load"))
    ask = terminator(any_world).terminate

    results = await asyncio.gather(*(ask(run.id, "ada") for _ in range(4)))

    assert all(isinstance(result, TerminationRequested) for result in results)
    assert 1 == sum(isinstance(r, TerminationRequested) and r.is_new for r in results)
    events = await any_world.stores.events.events(run.id)
    assert ["termination requested by ada"] == [
        event.message for event in events if "termination" in event.message
    ]


async def test_a_queued_run_ends_at_the_engines_next_look(world: World) -> None:
    """It needs no worker to be stopped."""
    created = await world.stores.runs.create(api_world.run(builders.planned("load")), ())

    await terminator(world).terminate(created.run.id)
    state = await world.advance(created.run.id)

    assert model.RunStatus.CANCELED is state.run.status


async def test_a_finished_run_stays_as_it_is(world: World) -> None:
    """The answer says how it ended."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()
    await worker.send(worker.success())
    await world.advance(run.id)

    result = await terminator(world).terminate(run.id)

    assert isinstance(result, RunFinished)
    assert model.RunStatus.SUCCESS is result.run.status
    assert (await world.state(run.id)).run.cancel_requested_at is None


async def test_a_run_that_was_cancelled_is_finished(world: World) -> None:
    """Asking after the end is no new wish."""
    created = await world.stores.runs.create(api_world.run(builders.planned("load")), ())
    await terminator(world).terminate(created.run.id)
    await world.advance(created.run.id)

    assert isinstance(await terminator(world).terminate(created.run.id), RunFinished)


async def test_a_run_that_does_not_exist_is_not_found(world: World) -> None:
    """And nothing is made of it."""
    result = await terminator(world).terminate(model.RunId("0" * 26))

    assert isinstance(result, RunNotFound)
