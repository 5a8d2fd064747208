"""What the use-case of ingest decides beyond what its HTTP tests show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opweave.wire import WIRE_VERSION
from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.api import identity
from opweave_operator.core import model
from opweave_operator.usecases.attempt_access import AttemptAccess, LocalIdentity
from opweave_operator.usecases.event_rate import EventRate
from opweave_operator.usecases.ingest_events import IngestEvents
from opweave_operator.usecases.refusals import RefusalCode, Refused
from support import api_world, builders
from support.api_world import World

ME = LocalIdentity(token_digest=identity.token_digest(api_world.TOKEN))
START = wire_attempt.StartRequest()


def ingest(world: World, events: ports.EventStore | None = None) -> IngestEvents:
    """Return the use-case over the storage of *world*."""
    events = events or world.stores.events
    access = AttemptAccess(events, world.stores.runs)
    return IngestEvents(
        access=access, events=events, assets=world.stores.assets, clock=world.dependencies.clock
    )


async def test_a_local_worker_keeps_the_id_that_the_engine_knows(world: World) -> None:
    """The engine saw the process before it reported: its id and name stay."""
    run = await world.launch(builders.planned("load"))
    ref = (await world.worker(run, "load")).ref
    await _engine_sees(world, ref, "pid-77")

    await ingest(world).start_attempt(ref, ME, START)
    await ingest(world).start_attempt(ref, ME, START)

    newest = (await world.state(run.id)).steps[ref.step_key].newest
    assert newest is not None
    assert ("pid-77", model.AttemptStatus.RUNNING) == (newest.worker_id, newest.status)


class SeenMeanwhile:
    """The event store, with the engine recording the worker right after ingest has read the attempt."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events = world.stores.events
        self._is_seen = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._events, name)

    async def find_attempt(self, ref: ports.AttemptRef) -> ports.AttemptRecord | None:
        record = await self._events.find_attempt(ref)
        if not self._is_seen:
            self._is_seen = True
            await _engine_sees(self._world, ref, "pid-78")
        return record


async def test_the_engine_may_record_the_worker_while_it_reports(any_world: World) -> None:
    """The start is taken all the same: the token proves whose it is."""
    run = await any_world.launch(builders.planned("load"))
    ref = (await any_world.worker(run, "load")).ref

    await ingest(any_world, SeenMeanwhile(any_world)).start_attempt(ref, ME, START)  # type: ignore[arg-type]  # it has every method

    newest = (await any_world.state(run.id)).steps[ref.step_key].newest
    assert newest is not None
    assert ("pid-78", model.AttemptStatus.RUNNING) == (newest.worker_id, newest.status)


async def test_an_image_that_is_newer_than_the_operator_is_refused(world: World) -> None:
    """It could mean something that this version would get wrong."""
    run = await world.launch(builders.planned("load"))
    ref = (await world.worker(run, "load")).ref
    newer = wire_attempt.StartRequest(wire_version=WIRE_VERSION + 1)

    with pytest.raises(Refused, match="upgrade the operator") as refused:
        await ingest(world).start_attempt(ref, ME, newer)

    assert RefusalCode.INVALID is refused.value.code


async def test_an_empty_batch_asks_whether_to_stop(world: World) -> None:
    """A long body without events learns of a cancel so."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()
    empty = wire_attempt.EventBatch(events=())

    before = await ingest(world).append(worker.ref, ME, empty)
    await world.cancel(run.id)
    after = await ingest(world).append(worker.ref, ME, empty)

    assert (False, True) == (before.should_stop, after.should_stop)


async def test_an_attempt_that_is_killed_shows_that_it_worked(any_world: World) -> None:
    """The start of the step is its moment of user code; what the process says at its end is more exact."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()
    started = worker.event(wire_attempt.EventType.STEP_START)

    await worker.send(started)
    before = await _moments(any_world, worker.ref)
    await worker.send(worker.success())
    after = await _moments(any_world, worker.ref)

    assert before.user_code_at is not None
    assert after.user_code_at is not None
    assert started.at == before.user_code_at.isoformat()
    assert after.user_code_at > before.user_code_at


async def test_the_end_of_a_cancelled_step_is_no_failure(any_world: World) -> None:
    """The log tells what the status tells; the number of the event stays the process's own."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()
    await worker.send(worker.event())
    await any_world.cancel(run.id)

    await worker.send(worker.failure(wire_attempt.FailureKind.CANCELED))

    last = (await any_world.stores.events.events(run.id, step_key=worker.ref.step_key))[-1]
    step = (await any_world.state(run.id)).steps[worker.ref.step_key]
    assert (wire_attempt.EventType.STEP_CANCELED, 1) == (last.type, last.seq)
    assert step.newest is not None
    assert step.newest.status is model.AttemptStatus.CANCELED


async def test_an_attempt_that_is_tried_again_is_no_failure(any_world: World) -> None:
    """The step fails only when the engine says that no attempt is left."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()

    await worker.send(worker.failure(wire_attempt.FailureKind.INFRASTRUCTURE))

    last = (await any_world.stores.events.events(run.id, step_key=worker.ref.step_key))[-1]
    assert wire_attempt.EventType.STEP_UP_FOR_RETRY is last.type


async def _moments(world: World, ref: ports.AttemptRef) -> model.Moments:
    newest = (await world.state(ref.run_id)).steps[ref.step_key].newest
    assert newest is not None
    return newest.moments


def test_a_bucket_fills_with_time() -> None:
    """Empty after the burst, half full after half the time, never above its size."""
    rate = EventRate(events_per_second=10, burst=20)
    ref = ports.AttemptRef(run_id=builders.RUN_ID, step_key=model.StepKey("a"), number=1)
    other = replace(ref, number=2)

    waits = [
        rate.take(ref, 20, builders.at(0)),
        rate.take(ref, 5, builders.at(0)),
        rate.take(ref, 10, builders.at(1)),
        rate.take(ref, 21, builders.at(1000)),
        rate.take(other, 20, builders.at(0)),
        rate.take(ref, 20, builders.at(500)),
    ]

    assert [0.0, 0.5, 0.0, pytest.approx(0.1), 0.0, 0.0] == waits


async def _engine_sees(world: World, ref: ports.AttemptRef, worker_id: str) -> None:
    """Record the worker of *ref* as the engine does when the executor shows it."""

    def change(state: model.RunState) -> model.Decision:
        step = state.steps[ref.step_key]
        newest = step.newest
        assert newest is not None
        seen = replace(newest, worker_id=worker_id, worker_name="step process")
        steps = {**state.steps, ref.step_key: replace(step, attempts=(seen,))}
        return model.Decision(state=replace(state, steps=steps))

    await world.stores.runs.transact(ref.run_id, change)
