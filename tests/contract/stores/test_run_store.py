"""What every `ports.RunStore` promises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from databases import OpenStores
from opweave.wire import message
from opweave.wire import plan as wire_plan
from opweave_operator import errors, ports
from opweave_operator.core import model
from opweave_operator.storage import Stores
from run_builders import (
    EXTRACT,
    LOCATION,
    NOW,
    a_run,
    an_event,
    an_outcome,
    append,
    request_attempt,
    set_run,
    set_step,
    with_attempt,
)

FULL_PLAN = wire_plan.RunPlan(
    job="daily",
    steps=(
        wire_plan.PlannedStep(
            key="extract",
            op="extract",
            tags={"a": "b"},
            pod={"container_config": {"env": [{"name": "X"}]}},
            retry_policy=wire_plan.RetryPolicy(max_retries=2, backoff=wire_plan.Backoff.LINEAR),
        ),
        wire_plan.PlannedStep(
            key="load",
            op="load",
            inputs=(
                wire_plan.StepInput(
                    name="rows", sources=(wire_plan.OutputRef(step_key="extract"),)
                ),
            ),
        ),
    ),
    run_config={"ops": {"extract": {"config": {"since": "2026-01-01"}}}},
)
FULL_RUN = a_run(
    plan=FULL_PLAN,
    job_resource="daily-report",
    tags={"team": "reporting", "long": "x" * 5000},
    priority=-3,
    worker_template={"image": "shop:1", "pod": {"spec": {"containers": []}}},
    definitions_hash="9f31c2e",
    image="shop@sha256:1",
    launched_by="cli: jane",
    timeouts=model.Timeouts(start_seconds=10, run_seconds=20),
    max_infrastructure_retries=0,
    queued_reason="waits for a slot",
    dequeued_at=NOW,
)


async def test_a_created_run_is_loaded_as_it_was(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Nothing of a run is lost on the way to another process."""
    created = await stores.runs.create(FULL_RUN, [an_event()])
    expected = model.RunState(
        run=replace(FULL_RUN, next_event=1),
        steps={
            EXTRACT: model.Step(key=EXTRACT, index=0),
            model.StepKey("load"): model.Step(key=model.StepKey("load"), index=1),
        },
    )
    assert created == expected
    assert await open_more_stores().runs.load(FULL_RUN.id) == expected


async def test_creating_twice_changes_nothing(stores: Stores) -> None:
    """The second creation returns what is stored, whatever has become of it."""
    run = a_run()
    await stores.runs.create(run, [an_event("first")])
    await stores.runs.transact(run.id, set_run(reason="Changed"))
    again = await stores.runs.create(replace(run, reason="Other"), [an_event("second")])
    assert again.run.reason == "Changed"
    assert [event.message for event in await stores.events.events(run.id)] == ["first"]


async def test_creating_at_once_stores_one_run(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Processes that create the same run at the same time all get the one that is stored."""
    run = a_run()
    processes = [stores, open_more_stores(), open_more_stores()]
    states = await asyncio.gather(
        *(
            process.runs.create(replace(run, message=f"{index}"), [an_event()])
            for index, process in enumerate(processes * 3)
        )
    )
    assert len({state.run.message for state in states}) == 1
    assert len(await stores.events.events(run.id)) == 1


async def test_an_unknown_run_is_none(stores: Stores) -> None:
    assert await stores.runs.load(model.RunId("nope")) is None
    assert await stores.runs.transact(model.RunId("nope"), set_run()) is None


async def test_a_plan_with_a_step_twice_is_refused(stores: Stores) -> None:
    with pytest.raises(errors.StorageRefused, match="names a step twice"):
        await stores.runs.create(a_run("a", "a"), [])


async def test_a_change_is_seen_by_another_process_that_knew_the_old_state(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """A process loads what others changed since it last looked, and only that need differ."""
    ref = await with_attempt(stores)
    other = open_more_stores()
    before = await other.runs.load(ref.run_id)
    await append(stores, ref, [], an_outcome(), user_code_at=NOW)
    await stores.runs.transact(
        ref.run_id, set_step(model.StepKey("load"), waiting_reason="QuotaExceeded", retry_at=NOW)
    )
    after = await other.runs.load(ref.run_id)
    assert after != before
    assert after == await stores.runs.load(ref.run_id)
    assert after == await open_more_stores().runs.load(ref.run_id)


async def test_every_field_of_steps_and_attempts_is_stored(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    run = a_run()
    await stores.runs.create(run, [])
    moments = {
        name: NOW + timedelta(microseconds=index)
        for index, name in enumerate(
            (
                "ready_at",
                "slot_at",
                "created_at",
                "running_at",
                "user_code_at",
                "body_ended_at",
                "committed_at",
            )
        )
    }
    attempts = (
        model.Attempt(
            number=1,
            status=model.AttemptStatus.LOST,
            worker_id="uid",
            worker_name="pod",
            moments=model.Moments(**moments),
            next_seq=7,
            outcome=replace(an_outcome(model.AttemptStatus.LOST), reason="Evicted", exit_code=137),
            is_released=True,
            stop_requested_at=NOW,
        ),
        model.Attempt(number=2),
    )
    change = set_step(
        EXTRACT,
        status=model.StepStatus.STARTING,
        reason="r",
        message="m",
        waiting_reason="w",
        waiting_message="wm",
        retry_at=NOW,
        ready_at=NOW,
        attempts=attempts,
    )
    decision = await stores.runs.transact(run.id, change)
    assert decision is not None
    loaded = await open_more_stores().runs.load(run.id)
    assert loaded == decision.state
    assert loaded.steps[EXTRACT].attempts == attempts


async def test_every_field_of_a_run_can_change(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    run = a_run()
    await stores.runs.create(run, [])
    changed = replace(
        FULL_RUN,
        id=run.id,
        status=model.RunStatus.FAILURE,
        parent_run_id=model.RunId("parent"),
        root_run_id=model.RunId("root"),
        object_name="daily-1",
        started_at=NOW,
        ended_at=NOW,
        cancel_requested_at=NOW,
        reason="r",
        message="m",
        is_published=True,
        created_at=run.created_at,
    )
    await stores.runs.transact(
        run.id, lambda state: model.Decision(state=replace(state, run=changed))
    )
    loaded = await open_more_stores().runs.load(run.id)
    assert loaded is not None
    assert loaded.run == changed
    team = ports.RunFilter(tags={"team": "reporting"})
    assert [listed.id for listed in await stores.runs.list_runs(team, limit=9)] == [run.id]


async def test_a_plan_can_grow(stores: Stores, open_more_stores: OpenStores) -> None:
    """A dynamic output adds steps to the plan and the run; other processes see both."""
    run = a_run("a")
    other = open_more_stores()
    await stores.runs.create(run, [])
    await other.runs.load(run.id)
    added = wire_plan.PlannedStep(key="b[1]", op="op")

    def grow(state: model.RunState) -> model.Decision:
        plan = message.replace(state.run.plan, steps=(*state.run.plan.steps, added))
        key = model.StepKey(added.key)
        steps = {**state.steps, key: model.Step(key=key, index=1)}
        return model.Decision(state=model.RunState(run=replace(state.run, plan=plan), steps=steps))

    decision = await stores.runs.transact(run.id, grow)
    assert decision is not None
    assert await other.runs.load(run.id) == decision.state


async def test_a_failing_change_stores_nothing(stores: Stores) -> None:
    run = a_run()
    created = await stores.runs.create(run, [])

    def fail(state: model.RunState) -> model.Decision:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stores.runs.transact(run.id, fail)
    assert await stores.runs.load(run.id) == created


async def test_a_change_to_what_cannot_be_stored_stores_nothing(stores: Stores) -> None:
    """One bad write hurts no other write, although they may share a commit."""
    runs = [a_run() for _ in range(6)]
    for run in runs:
        await stores.runs.create(run, [])
    changes = [set_run(object_name="x" * (5 if index % 2 else 5000)) for index in range(len(runs))]
    results = await asyncio.gather(
        *(stores.runs.transact(run.id, change) for run, change in zip(runs, changes, strict=True)),
        return_exceptions=True,
    )
    refused = [isinstance(result, errors.StorageRefused) for result in results]
    assert refused == [True, False] * 3
    states = [await stores.runs.load(run.id) for run in runs]
    names = [state.run.object_name for state in states if state is not None]
    assert names == [None, "xxxxx"] * 3


async def test_the_id_of_a_run_cannot_change(stores: Stores) -> None:
    run = a_run()
    await stores.runs.create(run, [])
    with pytest.raises(errors.StorageRefused, match="ids never change"):
        await stores.runs.transact(run.id, set_run(id=model.RunId("other")))


async def test_concurrent_changes_are_applied_one_after_the_other(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """No change is lost, no number of an event is used twice or left out, whichever process writes."""
    run = a_run()
    await stores.runs.create(run, [])
    processes = [stores, open_more_stores(), open_more_stores()]

    def count(state: model.RunState) -> model.Decision:
        return model.Decision(
            state=replace(state, run=replace(state.run, priority=state.run.priority + 1)),
            events=(an_event(), an_event()),
        )

    await asyncio.gather(
        *(process.runs.transact(run.id, count) for process in processes for _ in range(15))
    )
    loaded = await stores.runs.load(run.id)
    assert loaded is not None
    assert loaded.run.priority == 45
    numbers = [event.number for event in await stores.events.events(run.id)]
    assert numbers == list(range(90))
    assert loaded.run.next_event == 90


async def test_the_decision_carries_what_is_stored(stores: Stores) -> None:
    run = a_run()
    await stores.runs.create(run, [an_event()])
    decision = await stores.runs.transact(run.id, set_run(an_event(), an_event(), reason="x"))
    assert decision is not None
    assert decision.state.run.next_event == 3
    assert decision.state == await stores.runs.load(run.id)


async def test_listing_pages_from_the_newest(stores: Stores) -> None:
    runs = [a_run(minute=minute) for minute in range(5)]
    for run in runs:
        await stores.runs.create(run, [])
    first = await stores.runs.list_runs(ports.RunFilter(), limit=2)
    second = await stores.runs.list_runs(ports.RunFilter(), limit=9, before=first[-1].id)
    listed = [run.id for run in (*first, *second)]
    assert listed == [run.id for run in reversed(runs)]
    assert all(run.plan.steps == () for run in first)


LONG = "y" * 5000


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (ports.RunFilter(statuses=(model.RunStatus.QUEUED, model.RunStatus.FAILURE)), "bc"),
        (ports.RunFilter(job="weekly"), "c"),
        (ports.RunFilter(location=LOCATION), "ab"),
        (ports.RunFilter(job_resource="owned"), "b"),
        (ports.RunFilter(tags={"team": "a"}), "ab"),
        (ports.RunFilter(tags={"team": "a", "long": LONG}), "b"),
        (ports.RunFilter(tags={"long": LONG + "y"}), ""),
        (ports.RunFilter(tags={"team": "' OR 1=1 --"}), ""),
        (ports.RunFilter(created_after=NOW), "bc"),
        (ports.RunFilter(created_before=NOW + timedelta(minutes=2)), "ab"),
        (ports.RunFilter(created_after=NOW, job="daily"), "b"),
    ],
)
async def test_filters(stores: Stores, where: ports.RunFilter, expected: str) -> None:
    """All conditions of a filter hold for what is listed and counted."""
    runs = {
        "a": a_run(tags={"team": "a"}),
        "b": a_run(
            minute=1,
            tags={"team": "a", "long": LONG},
            status=model.RunStatus.QUEUED,
            job_resource="owned",
        ),
        "c": a_run(
            minute=2,
            job="weekly",
            location=replace(LOCATION, namespace="other"),
            status=model.RunStatus.FAILURE,
        ),
    }
    for run in runs.values():
        await stores.runs.create(run, [])
    listed = [run.id for run in await stores.runs.list_runs(where, limit=10)]
    assert sorted(listed) == sorted(runs[name].id for name in expected)
    counts = await stores.runs.count_by_status(where)
    assert sum(counts.values()) == len(expected)


async def test_counting_leaves_out_what_there_is_none_of(stores: Stores) -> None:
    for minute in range(3):
        await stores.runs.create(a_run(minute=minute), [])
    assert await stores.runs.count_by_status(ports.RunFilter()) == {model.RunStatus.STARTED: 3}


async def test_queued_runs_come_in_the_order_of_their_creation(stores: Stores) -> None:
    runs = [a_run(minute=minute, status=model.RunStatus.QUEUED) for minute in (2, 0, 1)]
    for run in (*runs, a_run(minute=3)):
        await stores.runs.create(run, [])
    expected = [runs[1].id, runs[2].id, runs[0].id]
    assert [run.id for run in await stores.runs.queued()] == expected


def admit(state: model.RunState) -> model.Decision:
    """Take the run from the queue."""
    return set_run(an_event("admitted"), status=model.RunStatus.STARTING)(state)


async def test_two_admitters_at_once_never_pass_a_limit(stores: Stores) -> None:
    """Each is given what the other has committed, whatever both thought before."""
    runs = [a_run(minute=minute, status=model.RunStatus.QUEUED) for minute in range(6)]
    for run in runs:
        await stores.runs.create(run, [])
    ids = [run.id for run in runs]

    def choose(queued: Sequence[model.Run], active: Sequence[model.Run]) -> list[model.RunId]:
        return [run.id for run in queued][: max(0, 4 - len(active))]

    admitted = await asyncio.gather(
        stores.runs.admit(ids, choose, admit),
        stores.runs.admit(ids[:3], choose, admit),
        stores.runs.admit(ids[::-1], choose, admit),
    )
    flat = [run_id for some in admitted for run_id in some]
    assert len(flat) == len(set(flat)) == 4
    counts = await stores.runs.count_by_status(ports.RunFilter())
    assert counts == {model.RunStatus.STARTING: 4, model.RunStatus.QUEUED: 2}
    loaded = await stores.runs.load(flat[0])
    assert loaded is not None
    assert (loaded.run.status, loaded.run.next_event) == (model.RunStatus.STARTING, 1)


async def test_only_queued_candidates_are_offered_for_admission(stores: Stores) -> None:
    waiting, started = a_run(status=model.RunStatus.QUEUED), a_run(minute=1)
    for run in (waiting, started):
        await stores.runs.create(run, [])
    seen: list[list[model.RunId]] = []

    def choose(queued: Sequence[model.Run], active: Sequence[model.Run]) -> list[model.RunId]:
        seen.append([run.id for run in queued])
        seen.append([run.id for run in active])
        return []

    unknown = a_run().id
    assert await stores.runs.admit([started.id, unknown, waiting.id], choose, admit) == []
    assert seen == [[waiting.id], [started.id]]


async def test_why_runs_wait_is_stored_for_those_that_wait(stores: Stores) -> None:
    """For many at once, seen also by whoever knows the run already; one that has started keeps what it says."""
    runs = [a_run(minute=minute, status=model.RunStatus.QUEUED) for minute in range(3)]
    started = a_run(minute=9)
    for run in (*runs, started):
        await stores.runs.create(run, [])
    reasons = {runs[0].id: "full", runs[1].id: "paused", started.id: "full"}
    await stores.runs.note_queued(reasons)
    loaded = [await stores.runs.load(run.id) for run in (*runs, started)]
    assert [state and state.run.queued_reason for state in loaded] == ["full", "paused", "", ""]
    await stores.runs.transact(runs[0].id, set_run(reason="other"))
    [first, *_] = await stores.runs.queued()
    assert (first.queued_reason, first.reason) == ("full", "other")


async def test_a_run_that_waits_in_the_queue_is_not_unfinished_business(stores: Stores) -> None:
    """Unless it is to be cancelled: then the engine must look at it."""
    waiting, leaving = (a_run(minute=n, status=model.RunStatus.QUEUED) for n in range(2))
    for run in (waiting, leaving):
        await stores.runs.create(run, [])
    await stores.runs.transact(leaving.id, set_run(cancel_requested_at=NOW))
    assert await stores.runs.unfinished() == [leaving.id]


async def test_a_run_is_unfinished_until_all_is_released_and_published(stores: Stores) -> None:
    """The engine is given a run as long as anything about it is left to do, also after a restart."""
    ref = await with_attempt(stores)
    await append(stores, ref, [], an_outcome())
    steps = [
        set_run(status=model.RunStatus.SUCCESS),
        set_run(is_published=True),
        request_released(ref),
    ]
    seen = []
    for change in steps:
        seen.append(await stores.runs.unfinished())
        await stores.runs.transact(ref.run_id, change)
    assert seen == [[ref.run_id]] * 3
    assert await stores.runs.unfinished() == []


def request_released(ref: ports.AttemptRef) -> ports.StateFunction:
    def change(state: model.RunState) -> model.Decision:
        step = state.steps[ref.step_key]
        released = tuple(replace(attempt, is_released=True) for attempt in step.attempts)
        return set_step(ref.step_key, attempts=released)(state)

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"job": "x" * 300}, "300 characters; at most 256"),
        ({"job": "a\0b"}, "NUL"),
        ({"job": "a\ud800b"}, "half a surrogate pair"),
        ({"tags": {"k": "v" * 20_000}}, "value of tag 'k' has 20000 characters"),
        ({"tags": {f"k{n}": "v" for n in range(1001)}}, "1001 tags"),
        ({"created_at": NOW.replace(tzinfo=None)}, "has no zone"),
        ({"worker_template": {"x": object()}}, "cannot be stored as JSON"),
        ({"priority": 2**70}, "does not fit"),
    ],
)
async def test_what_cannot_be_stored_is_refused_in_words(
    stores: Stores, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(errors.StorageRefused, match=message):
        await stores.runs.create(a_run(**changes), [])


async def test_words_for_people_are_mended_and_cut(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Text of a platform or a traceback never keeps a state from being stored."""
    run = a_run()
    await stores.runs.create(run, [])
    await stores.runs.transact(run.id, set_run(message="a\0b\ud800c" + "x" * 100_000))
    loaded = await open_more_stores().runs.load(run.id)
    assert loaded is not None
    assert loaded.run.message.startswith("a␀b?cxxx")
    assert len(loaded.run.message) == 64 * 1024
    assert loaded.run.message.endswith("…")


async def test_many_steps_and_attempts(stores: Stores, open_more_stores: OpenStores) -> None:
    run = a_run(*(f"step_{n}" for n in range(500)))
    await stores.runs.create(run, [])

    def start_all(state: model.RunState) -> model.Decision:
        for key in state.steps:
            state = request_attempt(key)(state).state
        return model.Decision(state=state)

    decision = await stores.runs.transact(run.id, start_all)
    assert decision is not None
    assert await open_more_stores().runs.load(run.id) == decision.state
