"""What every `ports.EventStore` promises."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from databases import OpenStores
from opweave.wire import attempt as wire_attempt
from opweave.wire import message
from opweave.wire import plan as wire_plan
from opweave_operator import errors, ports
from opweave_operator.core import model
from opweave_operator.storage import Stores
from run_builders import (
    EXTRACT,
    NOW,
    a_run,
    an_event,
    an_outcome,
    append,
    reported,
    request_attempt,
    set_run,
    with_attempt,
)
from support import builders


async def messages(stores: Stores, run_id: model.RunId) -> list[str]:
    return [event.message for event in await stores.events.events(run_id)]


async def test_reported_events_join_the_log_of_the_run(stores: Stores) -> None:
    """Events of the operator and of all attempts share one gapless numbering."""
    ref = await with_attempt(stores)
    await stores.runs.transact(ref.run_id, set_run(an_event("own")))
    assert await append(stores, ref, reported(0, 1, rows=3)) == 2
    stored = await stores.events.events(ref.run_id)
    assert stored[1] == model.StoredEvent(
        run_id=ref.run_id,
        number=1,
        type=wire_attempt.EventType.LOG_MESSAGE,
        at=NOW,
        message="line 0",
        step_key=ref.step_key,
        attempt=1,
        seq=0,
        payload={"rows": 3},
    )
    assert [event.number for event in stored] == [0, 1, 2]


@pytest.mark.parametrize("size", [9, 10, 300])
async def test_batches_of_any_size_are_stored_alike(stores: Stores, size: int) -> None:
    """The quick way for many events stores what the way for few does."""
    ref = await with_attempt(stores)
    hostile = reported(*range(size), message="tab\tnew\nline\\N\\. a\0b\ud800 ü", deep=[None, "\\"])
    await append(stores, ref, hostile)
    stored = await stores.events.events(ref.run_id)
    assert len(stored) == size
    assert {event.message for event in stored} == {"tab\tnew\nline\\N\\. a␀b? ü"}
    assert all(event.payload == {"deep": [None, "\\"]} for event in stored)


async def test_repeats_are_left_out(stores: Stores) -> None:
    """A batch that was sent again, wholly or in part, is stored once."""
    ref = await with_attempt(stores)
    await append(stores, ref, reported(0, 1, 2))
    assert await append(stores, ref, reported(0, 1, 2)) == 3
    assert await append(stores, ref, reported(1, 2, 3)) == 4
    assert await messages(stores, ref.run_id) == ["line 0", "line 1", "line 2", "line 3"]


@pytest.mark.parametrize("seqs", [(3,), (2, 4), (1, 2, 4), (2, 2)])
async def test_a_gap_is_refused_with_the_expected_number(
    stores: Stores, seqs: tuple[int, ...]
) -> None:
    ref = await with_attempt(stores)
    await append(stores, ref, reported(0, 1))
    with pytest.raises(ports.SequenceGap) as gap:
        await append(stores, ref, reported(*seqs))
    expected = 2 if seqs == (3,) else 3
    assert gap.value.expected == expected
    assert len(await messages(stores, ref.run_id)) == 2


@pytest.mark.parametrize(
    ("status", "step_status"),
    [
        (model.AttemptStatus.SUCCESS, model.StepStatus.SUCCESS),
        (model.AttemptStatus.FAILURE, model.StepStatus.FAILURE),
        (model.AttemptStatus.CANCELED, model.StepStatus.CANCELED),
        (model.AttemptStatus.LOST, model.StepStatus.STARTING),
    ],
)
async def test_an_outcome_settles_attempt_and_step(
    stores: Stores, status: model.AttemptStatus, step_status: model.StepStatus
) -> None:
    """Whoever sees the last event also sees the outcome."""
    ref = await with_attempt(stores)
    outcome = an_outcome(status)
    await append(stores, ref, reported(0), outcome, user_code_at=NOW)
    state = await stores.runs.load(ref.run_id)
    assert state is not None
    step = state.steps[ref.step_key]
    assert step.status is step_status
    assert step.attempts[0].outcome == outcome
    assert step.attempts[0].moments == model.Moments(user_code_at=NOW, committed_at=outcome.at)


async def test_a_repeat_after_the_end_is_acknowledged_and_news_are_refused(
    stores: Stores,
) -> None:
    """A process whose acknowledgement was lost may send its last batch again; nobody may add to it."""
    ref = await with_attempt(stores)
    await append(stores, ref, reported(0, 1), an_outcome())
    assert await append(stores, ref, reported(0, 1), an_outcome(model.AttemptStatus.FAILURE)) == 2
    with pytest.raises(ports.AttemptClosed, match="has ended already"):
        await append(stores, ref, reported(1, 2))
    state = await stores.runs.load(ref.run_id)
    assert state is not None
    assert state.steps[ref.step_key].status is model.StepStatus.SUCCESS


async def test_an_older_attempt_is_refused(stores: Stores) -> None:
    old = await with_attempt(stores)
    await append(stores, old, reported(0))
    await stores.runs.transact(old.run_id, request_attempt(EXTRACT))
    with pytest.raises(ports.AttemptClosed, match="replaced by a newer attempt"):
        await append(stores, old, reported(1))
    assert await append(stores, old, reported(0)) == 1


@pytest.mark.parametrize(
    "ref",
    [
        ports.AttemptRef(run_id=model.RunId("nope"), step_key=EXTRACT, number=1),
        ports.AttemptRef(run_id=model.RunId("known"), step_key=model.StepKey("nope"), number=1),
        ports.AttemptRef(run_id=model.RunId("known"), step_key=EXTRACT, number=2),
    ],
)
async def test_an_unknown_attempt_is_refused(stores: Stores, ref: ports.AttemptRef) -> None:
    await with_attempt(stores, a_run(id=model.RunId("known")))
    with pytest.raises(ports.AttemptClosed, match="does not exist"):
        await append(stores, ref, reported(0))
    with pytest.raises(ports.AttemptClosed, match="does not exist"):
        await stores.events.start_attempt(ref, worker_id="w", worker_name="", at=NOW)
    with pytest.raises(ports.AttemptClosed, match="does not exist"):
        await stores.events.set_token_digest(ref, "digest")
    assert await stores.events.find_attempt(ref) is None


@pytest.mark.parametrize("status", [model.RunStatus.STARTING, model.RunStatus.CANCELING])
async def test_reports_count_until_the_run_has_ended(
    stores: Stores, status: model.RunStatus
) -> None:
    ref = await with_attempt(stores)
    await stores.runs.transact(ref.run_id, set_run(status=status))
    await append(stores, ref, reported(0))
    await stores.runs.transact(ref.run_id, set_run(status=model.RunStatus.CANCELED))
    with pytest.raises(ports.AttemptClosed, match="has ended"):
        await append(stores, ref, reported(1))


async def test_concurrent_reports_have_gapless_numbers(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Steps of one run that report through several web processes at once share the numbering."""
    keys = [model.StepKey(f"step_{n}") for n in range(4)]
    run = a_run(*keys)
    refs = [await with_attempt(stores, run, key) for key in keys]
    processes = [stores, open_more_stores()]

    async def report(ref: ports.AttemptRef, process: Stores) -> None:
        for first in range(0, 60, 12):
            await append(process, ref, reported(*range(first, first + 12)))
        await append(process, ref, reported(60), an_outcome())

    await asyncio.gather(*(report(ref, processes[index % 2]) for index, ref in enumerate(refs)))
    stored = await stores.events.events(run.id)
    assert [event.number for event in stored] == list(range(4 * 61))
    for key in keys:
        assert [event.seq for event in stored if event.step_key == key] == list(range(61))
    state = await stores.runs.load(run.id)
    assert state is not None
    assert {step.status for step in state.steps.values()} == {model.StepStatus.SUCCESS}


async def test_the_same_batch_sent_to_two_processes_is_stored_once(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    ref = await with_attempt(stores)
    other = open_more_stores()
    answers = await asyncio.gather(
        *(append(process, ref, reported(0, 1, 2)) for process in (stores, other) * 4)
    )
    assert answers == [3] * 8
    assert len(await messages(stores, ref.run_id)) == 3


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T13:00:00+01:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("yesterday", NOW),
        ("0001-01-01T00:00:00+14:00", NOW),
        ("9999-12-31T23:59:59-14:00", NOW),
        ("\0", NOW),
    ],
)
async def test_a_clock_that_is_wrong_does_not_stop_an_event(
    stores: Stores, at: str, expected: datetime
) -> None:
    """A time that makes no sense becomes the time of its arrival."""
    ref = await with_attempt(stores)
    await append(stores, ref, [message.replace(reported(0)[0], at=at)])
    assert [event.at for event in await stores.events.events(ref.run_id)] == [expected]


async def test_any_json_is_a_payload(stores: Stores) -> None:
    ref = await with_attempt(stores)
    payload: dict[str, Any] = {
        "\0key": "\0\ud800",
        "numbers": [10**400, -0.0, 1e308],
        "z": 1,
        "a": {"nested": [None, True]},
    }
    await append(stores, ref, reported(0, **payload))
    [event] = await stores.events.events(ref.run_id)
    assert event.payload == payload
    assert list(event.payload) == list(payload)


async def test_numbers_that_json_lacks_are_stored_by_name(stores: Stores) -> None:
    ref = await with_attempt(stores)
    await append(stores, ref, reported(0, values=[math.nan, math.inf, 1.5]))
    [event] = await stores.events.events(ref.run_id)
    assert event.payload == {"values": ["nan", "inf", 1.5]}


async def test_a_payload_that_is_nested_too_deeply_is_refused(stores: Stores) -> None:
    ref = await with_attempt(stores)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(errors.StorageRefused, match="nested too deeply"):
        await append(stores, ref, reported(0, deep=deep))
    while deep:  # taken apart here: the interpreter would do it by recursion
        deep = deep.pop()  # type: ignore[assignment]  # each holds one list


async def test_paging_and_filters(stores: Stores) -> None:
    keys = [model.StepKey("a"), model.StepKey("b")]
    run = a_run(*keys)
    for key in keys:
        ref = await with_attempt(stores, run, key)
        started = message.replace(reported(0)[0], type=wire_attempt.EventType.STEP_START)
        await append(stores, ref, [started, *reported(1, 2)])
    events = stores.events

    async def numbers(**where: object) -> list[int]:
        return [event.number for event in await events.events(run.id, **where)]  # type: ignore[arg-type]  # by name

    assert await numbers(limit=2) == [0, 1]
    assert await numbers(after=3) == [4, 5]
    assert await numbers(after=99) == []
    assert await numbers(limit=0) == []
    assert await numbers(limit=-5) == []
    assert await numbers(step_key="b") == [3, 4, 5]
    assert await numbers(types=[wire_attempt.EventType.STEP_START]) == [0, 3]
    assert await numbers(step_key="a", after=0, limit=1) == [1]
    assert await events.events(model.RunId("nope")) == []


async def test_starting_marks_the_attempt_once(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    ref = await with_attempt(stores)
    later = NOW + timedelta(seconds=9)
    started = await stores.events.start_attempt(ref, worker_id="uid", worker_name="pod", at=NOW)
    again = await stores.events.start_attempt(ref, worker_id="uid", worker_name="pod", at=later)
    assert again == started == await open_more_stores().runs.load(ref.run_id)
    step = started.steps[ref.step_key]
    assert step.status is model.StepStatus.RUNNING
    assert step.attempts[0] == model.Attempt(
        number=1,
        status=model.AttemptStatus.RUNNING,
        worker_id="uid",
        worker_name="pod",
        moments=model.Moments(running_at=NOW),
    )


async def test_only_one_worker_runs_an_attempt(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Of two processes that claim the same attempt at once, one is refused."""
    ref = await with_attempt(stores)
    results = await asyncio.gather(
        stores.events.start_attempt(ref, worker_id="one", worker_name="", at=NOW),
        open_more_stores().events.start_attempt(ref, worker_id="two", worker_name="", at=NOW),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, ports.AttemptClosed)]
    assert len(refused) == 1
    assert "belongs to worker" in str(refused[0])


async def test_a_closed_attempt_does_not_start(stores: Stores) -> None:
    ref = await with_attempt(stores)
    await append(stores, ref, [], an_outcome(model.AttemptStatus.LOST))
    with pytest.raises(ports.AttemptClosed):
        await stores.events.start_attempt(ref, worker_id="w", worker_name="", at=NOW)


async def test_nothing_starts_in_a_run_that_is_being_cancelled(stores: Stores) -> None:
    ref = await with_attempt(stores)
    await stores.runs.transact(ref.run_id, set_run(status=model.RunStatus.CANCELING))
    with pytest.raises(ports.AttemptClosed, match="is being cancelled"):
        await stores.events.start_attempt(ref, worker_id="w", worker_name="", at=NOW)


async def test_finding_an_attempt_tells_what_ingest_must_know(stores: Stores) -> None:
    old = await with_attempt(stores)
    new = await with_attempt(stores, a_run(id=old.run_id))
    await stores.events.set_token_digest(new, "5e884898")
    await append(stores, new, reported(0))
    state = await stores.runs.load(old.run_id)
    assert state is not None
    attempts = state.steps[EXTRACT].attempts
    assert await stores.events.find_attempt(old) == ports.AttemptRecord(
        ref=old,
        attempt=attempts[0],
        is_newest=False,
        run_status=model.RunStatus.STARTED,
        namespace="team",
    )
    assert await stores.events.find_attempt(new) == ports.AttemptRecord(
        ref=new,
        attempt=attempts[1],
        is_newest=True,
        run_status=model.RunStatus.STARTED,
        namespace="team",
        token_digest="5e884898",
    )


DYNAMIC_PLAN = wire_plan.RunPlan(
    job="daily",
    steps=(
        builders.dynamic("spread"),
        builders.collecting("total", "once[?]", "spread"),
    ),
    templates=(builders.mapped("once", "spread"),),
)


def a_success(*keys: str) -> tuple[list[wire_attempt.Event], model.Outcome]:
    event = message.replace(reported(0)[0], type=wire_attempt.EventType.STEP_SUCCESS)
    return [event], builders.members(*keys)


async def test_a_dynamic_output_grows_the_run_in_the_same_transaction(
    stores: Stores, open_more_stores: OpenStores
) -> None:
    """Plan and steps are there with the outcome, for this process and for another one that knew the run before."""
    other = open_more_stores()
    run = a_run(plan=DYNAMIC_PLAN)
    ref = await with_attempt(stores, run, model.StepKey("spread"))
    assert await other.runs.load(run.id) is not None

    events, outcome = a_success("x", "y")
    await append(stores, ref, events, outcome)

    for reader in (stores, other, open_more_stores()):
        state = await reader.runs.load(run.id)
        assert state is not None
        assert list(state.steps) == ["spread", "total", "once[x]", "once[y]"]
        assert [step.index for step in state.steps.values()] == [0, 1, 2, 3]
        assert [step.key for step in state.run.plan.steps] == list(state.steps)
        assert state.run.plan.templates == ()
        assert state.steps[model.StepKey("spread")].status is model.StepStatus.SUCCESS


async def test_outputs_that_a_run_cannot_grow_by_are_stored_as_a_failure(stores: Stores) -> None:
    """Log and step agree."""
    run = a_run(plan=DYNAMIC_PLAN)
    ref = await with_attempt(stores, run, model.StepKey("spread"))

    events, outcome = a_success("../../x")
    await append(stores, ref, events, outcome)

    state = await stores.runs.load(run.id)
    assert state is not None
    assert list(state.steps) == ["spread", "total"]
    step = state.steps[model.StepKey("spread")]
    assert (step.status, step.reason) == (model.StepStatus.FAILURE, "OutputInvalid")
    (event,) = await stores.events.events(run.id)
    assert event.type is wire_attempt.EventType.STEP_FAILURE
    assert "letters, digits and underscores" in event.message
