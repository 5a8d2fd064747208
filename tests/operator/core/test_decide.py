"""The engine's decision, case by case."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opweave.wire import plan as wire_plan
from opweave.wire.attempt import EXIT_UNREACHABLE, EventType
from opweave_operator.core import decide, model, step_state
from opweave_operator.core.model import AttemptStatus, RunStatus, StepStatus, WorkerPhase
from support import builders as build

POLICY = model.EnginePolicy(
    max_infrastructure_retries=2,
    infrastructure_retry_delay_seconds=1.0,
    start_timeout_seconds=100,
    cancel_timeout_seconds=60,
    stop_grace_seconds=30,
)
NOTHING = model.Observation()


def step(decision: model.Decision, key: str) -> model.Step:
    return decision.state.steps[model.StepKey(key)]


def settle(state: model.RunState, key: str, outcome: model.Outcome) -> model.RunState:
    """Return the state as ingest leaves it after a report."""
    steps = dict(state.steps)
    steps[model.StepKey(key)] = step_state.settle(steps[model.StepKey(key)], outcome)
    return replace(state, steps=steps)


def first(*steps: wire_plan.PlannedStep, **run: object) -> model.Decision:
    return decide.decide(build.run_state(*steps, **run), NOTHING, build.NOON, POLICY)


def starts(decision: model.Decision) -> list[tuple[str, int]]:
    return [(e.step_key, e.attempt) for e in decision.effects if isinstance(e, model.StartWorker)]


def test_steps_without_upstreams_start_at_once() -> None:
    """Roots get an attempt and a worker in the first pass; what depends on them waits."""
    decision = first(build.planned("a"), build.planned("b"), build.planned("c", "a", "b"))
    assert [("a", 1), ("b", 1)] == starts(decision)
    assert step(decision, "c").status is StepStatus.WAITING


def test_a_step_starts_when_its_last_upstream_has_ended() -> None:
    """A report of success makes the next pass start what it was waiting for, and nothing else."""
    state = first(build.planned("a"), build.planned("b"), build.planned("c", "a", "b")).state
    state = settle(state, "a", build.success())
    assert [] == [
        s for s in starts(decide.decide(state, NOTHING, build.at(1), POLICY)) if s[0] == "c"
    ]
    state = settle(state, "b", build.success(seconds=2))
    decision = decide.decide(state, NOTHING, build.at(3), POLICY)
    assert [("c", 1)] == starts(decision)
    assert build.at(2) == step(decision, "c").attempts[0].moments.ready_at


def test_a_failed_step_skips_what_depends_on_it_and_lets_the_rest_finish() -> None:
    """Downstream is skipped transitively with the reason; an independent branch still runs."""
    state = first(
        build.planned("a"), build.planned("b", "a"), build.planned("c", "b"), build.planned("d")
    ).state
    decision = decide.decide(settle(state, "a", build.failure()), NOTHING, build.at(1), POLICY)
    assert ("UpstreamFailed", "UpstreamFailed") == (
        step(decision, "b").reason,
        step(decision, "c").reason,
    )
    assert decision.state.run.status is RunStatus.STARTED
    decision = decide.decide(
        settle(decision.state, "d", build.success()), NOTHING, build.at(2), POLICY
    )
    assert decision.state.run.status is RunStatus.FAILURE
    assert "failed: a" == decision.state.run.message


def test_an_optional_output_that_was_not_yielded_skips_its_branch_only() -> None:
    """The run still succeeds: a branch not taken is no failure."""
    fork = wire_plan.PlannedStep(
        key="fork",
        op="fork",
        outputs=(
            wire_plan.StepOutput(name="left", is_required=False),
            wire_plan.StepOutput(name="right"),
        ),
    )
    left, right = (
        wire_plan.PlannedStep(
            key=side,
            op=side,
            inputs=(
                wire_plan.StepInput(
                    name="x", sources=(wire_plan.OutputRef(step_key="fork", output_name=side),)
                ),
            ),
        )
        for side in ("left", "right")
    )
    state = settle(first(fork, left, right).state, "fork", build.success("right"))
    decision = decide.decide(state, NOTHING, build.at(1), POLICY)
    assert StepStatus.SKIPPED is step(decision, "left").status
    assert 'step fork yielded no output "left"' in step(decision, "left").message
    decision = decide.decide(
        settle(decision.state, "right", build.success()), NOTHING, build.at(2), POLICY
    )
    assert decision.state.run.status is RunStatus.SUCCESS


def test_a_fan_in_runs_with_the_sources_that_were_yielded() -> None:
    """A skipped member of a fan-in is left out; only when all are missing is the step skipped."""
    maybe = [
        wire_plan.PlannedStep(
            key=key, op=key, outputs=(wire_plan.StepOutput(name="result", is_required=False),)
        )
        for key in ("a", "b")
    ]
    sources = tuple(wire_plan.OutputRef(step_key=key) for key in ("a", "b"))
    joined = wire_plan.PlannedStep(
        key="join",
        op="join",
        inputs=(wire_plan.StepInput(name="xs", sources=sources, is_fan_in=True),),
    )
    state = first(*maybe, joined).state
    nothing = replace(build.success(), outputs=())
    one = settle(settle(state, "a", nothing), "b", build.success())
    assert [("join", 1)] == starts(decide.decide(one, NOTHING, build.at(1), POLICY))
    none = settle(settle(state, "a", nothing), "b", nothing)
    assert (
        StepStatus.SKIPPED is step(decide.decide(none, NOTHING, build.at(1), POLICY), "join").status
    )


def test_a_worker_that_disappeared_is_replaced_after_the_delay() -> None:
    """The infrastructure's retry makes a second attempt, not before its delay, and says why."""
    state = first(build.planned("a")).state
    seen = decide.decide(
        state, build.observe(build.worker("a", 1, WorkerPhase.RUNNING)), build.at(1), POLICY
    )
    gone = build.observe(build.worker("a", 1, WorkerPhase.ABSENT))
    lost = decide.decide(seen.state, gone, build.at(2), POLICY)
    assert AttemptStatus.LOST is step(lost, "a").attempts[0].status
    assert [] == starts(lost)
    again = decide.decide(lost.state, NOTHING, build.at(3.5), POLICY)
    assert [("a", 2)] == starts(again)
    assert [EventType.STEP_RESTARTED] == [e.type for e in again.events]


def test_losses_beyond_the_budget_fail_the_step_with_what_was_seen() -> None:
    """Two retries are allowed here; the third loss ends the step."""
    decision = first(build.planned("a"))
    oom = {
        "reason": "OOMKilled",
        "message": "killed for memory",
        "is_infrastructure": True,
        "exit_code": 137,
    }
    for number, moment in ((1, 10), (2, 100), (3, 1000)):
        ended = build.observe(build.worker("a", number, WorkerPhase.ENDED, **oom))
        decision = decide.decide(decision.state, ended, build.at(moment), POLICY)
        decision = decide.decide(decision.state, NOTHING, build.at(moment + 70), POLICY)
    assert StepStatus.FAILURE is step(decision, "a").status
    assert "OOMKilled" == step(decision, "a").reason
    assert "no infrastructure retry is left after 3 losses" in step(decision, "a").message
    assert 3 == len(step(decision, "a").attempts)


def test_an_exit_code_of_the_users_process_is_final() -> None:
    """``exit 3`` is the user's failure: no new attempt is made of it."""
    ended = build.observe(build.worker("a", 1, WorkerPhase.ENDED, reason="Error", exit_code=3))
    decision = decide.decide(first(build.planned("a")).state, ended, build.at(1), POLICY)
    assert ("ProcessExited", StepStatus.FAILURE) == (
        step(decision, "a").reason,
        step(decision, "a").status,
    )
    assert "exit code 3" in step(decision, "a").message


def test_a_process_that_never_reached_ingest_is_tried_again() -> None:
    """Its own exit code says that no user code ran."""
    ended = build.observe(
        build.worker("a", 1, WorkerPhase.ENDED, reason="Error", exit_code=EXIT_UNREACHABLE)
    )
    decision = decide.decide(first(build.planned("a")).state, ended, build.at(1), POLICY)
    assert "IngestUnreachable" == step(decision, "a").attempts[0].outcome.reason
    assert StepStatus.STARTING is step(decision, "a").status


def test_the_termination_message_goes_before_the_exit_code() -> None:
    """A success that could not be reported is still a success."""
    told = {
        "seq": 3,
        "type": "STEP_SUCCESS",
        "at": "2026-03-01T12:00:00+00:00",
        "success": {"outputs": [{"name": "result"}]},
    }
    ended = build.observe(
        build.worker("a", 1, WorkerPhase.ENDED, exit_code=1, termination_message=json.dumps(told))
    )
    decision = decide.decide(first(build.planned("a")).state, ended, build.at(1), POLICY)
    assert decision.state.run.status is RunStatus.SUCCESS
    assert model.OutcomeSource.TERMINATION_MESSAGE is step(decision, "a").attempts[0].outcome.source


@pytest.mark.parametrize(
    "junk", ["{", '{"seq": "x"}', "[" * 100_000, "Segmentation fault", '{"a":' * 5000]
)
def test_a_termination_message_can_hold_anything(junk: str) -> None:
    """What cannot be read is passed over, and the worker's state decides."""
    ended = build.observe(
        build.worker("a", 1, WorkerPhase.ENDED, exit_code=139, termination_message=junk)
    )
    decision = decide.decide(first(build.planned("a")).state, ended, build.at(1), POLICY)
    assert "ProcessExited" == step(decision, "a").reason


def test_why_a_worker_does_not_start_is_logged_once_per_reason() -> None:
    """The reason stands on the step; its changing wording does not flood the log."""
    state = first(build.planned("a")).state
    pending = [
        build.observe(
            build.worker("a", 1, WorkerPhase.PENDING, reason="ImagePullFailed", message=text)
        )
        for text in ("back-off 10s", "back-off 20s")
    ]
    once = decide.decide(state, pending[0], build.at(1), POLICY)
    twice = decide.decide(once.state, pending[1], build.at(2), POLICY)
    assert ["a waits: back-off 10s"] == [
        e.message for e in once.events if e.type is EventType.ENGINE_EVENT
    ]
    assert () == twice.events
    assert "back-off 20s" == step(twice, "a").waiting_message


def test_a_step_that_does_not_start_in_time_fails_with_what_was_seen() -> None:
    """The time-out names the reason, and the worker is stopped."""
    pending = build.observe(
        build.worker(
            "a", 1, WorkerPhase.PENDING, reason="Unschedulable", message="0/1 nodes have 64Gi free"
        )
    )
    seen = decide.decide(first(build.planned("a")).state, pending, build.at(1), POLICY)
    late = decide.decide(seen.state, pending, build.at(101), POLICY)
    assert "did not start within 100 s: 0/1 nodes have 64Gi free" == step(late, "a").message
    assert [30] == [e.grace_seconds for e in late.effects if isinstance(e, model.StopWorker)]


def test_a_refused_worker_waits_and_is_tried_again() -> None:
    """A full quota is a reason to wait, shown on the step."""
    state = first(build.planned("a")).state
    waits = decide.refuse_start(
        state,
        model.StepKey("a"),
        1,
        build.at(1),
        reason="QuotaExceeded",
        message="exceeded quota: tiny",
        is_permanent=False,
    )
    assert "QuotaExceeded" == step(waits, "a").waiting_reason
    absent = build.observe(build.worker("a", 1, WorkerPhase.ABSENT))
    assert [] == starts(decide.decide(waits.state, absent, build.at(1.5), POLICY))
    assert [("a", 1)] == starts(decide.decide(waits.state, absent, build.at(3.5), POLICY))


def test_a_worker_refused_for_good_fails_its_step() -> None:
    """What the API server calls invalid does not become valid by waiting."""
    state = first(build.planned("a")).state
    refused = decide.refuse_start(
        state,
        model.StepKey("a"),
        1,
        build.at(1),
        reason="Invalid",
        message="spec.containers: bad",
        is_permanent=True,
    )
    assert ("Invalid", StepStatus.FAILURE) == (step(refused, "a").reason, step(refused, "a").status)


def test_cancel_while_queued_ends_the_run_at_once() -> None:
    """No worker was ever asked for."""
    state = build.run_state(build.planned("a"), status=RunStatus.QUEUED)
    asked = decide.request_cancel(state, build.at(1)).state
    decision = decide.decide(asked, NOTHING, build.at(1), POLICY)
    assert (RunStatus.CANCELED, StepStatus.CANCELED) == (
        decision.state.run.status,
        step(decision, "a").status,
    )
    assert [] == starts(decision)


def test_cancel_stops_running_workers_and_ends_when_they_have() -> None:
    """The run is CANCELING until the worker is seen to have ended; twice asked is once."""
    running = build.observe(build.worker("a", 1, WorkerPhase.RUNNING))
    state = decide.decide(
        first(build.planned("a"), build.planned("b", "a")).state, running, build.at(1), POLICY
    ).state
    asked = decide.request_cancel(
        decide.request_cancel(state, build.at(2)).state, build.at(3)
    ).state
    assert build.at(2) == asked.run.cancel_requested_at
    canceling = decide.decide(asked, running, build.at(4), POLICY)
    assert (RunStatus.CANCELING, StepStatus.CANCELED) == (
        canceling.state.run.status,
        step(canceling, "b").status,
    )
    assert [30] == [e.grace_seconds for e in canceling.effects if isinstance(e, model.StopWorker)]
    gone = build.observe(build.worker("a", 1, WorkerPhase.ABSENT))
    ended = decide.decide(canceling.state, gone, build.at(5), POLICY)
    assert (RunStatus.CANCELED, StepStatus.CANCELED) == (
        ended.state.run.status,
        step(ended, "a").status,
    )


def test_a_worker_that_ignores_a_cancel_is_killed_after_the_time_out() -> None:
    """The grace becomes zero."""
    running = build.observe(build.worker("a", 1, WorkerPhase.RUNNING, is_stopping=True))
    state = decide.decide(first(build.planned("a")).state, running, build.at(0), POLICY).state
    asked = decide.request_cancel(state, build.at(1)).state
    patient = decide.decide(asked, running, build.at(2), POLICY)
    assert [] == [e for e in patient.effects if isinstance(e, model.StopWorker)]
    late = decide.decide(patient.state, running, build.at(62), POLICY)
    assert [0] == [e.grace_seconds for e in late.effects if isinstance(e, model.StopWorker)]


def test_a_deleted_run_object_cancels_the_run() -> None:
    """Who deletes the Job wants the run to end."""
    running = build.observe(build.worker("a", 1, WorkerPhase.RUNNING), is_object_gone=True)
    decision = decide.decide(first(build.planned("a")).state, running, build.at(1), POLICY)
    assert (RunStatus.CANCELING, "JobObjectDeleted") == (
        decision.state.run.status,
        decision.state.run.reason,
    )


def test_a_run_over_its_time_limit_fails() -> None:
    """It is stopped like a cancelled one, but its end is a failure that names the limit."""
    running = build.observe(build.worker("a", 1, WorkerPhase.RUNNING))
    state = build.run_state(build.planned("a"), timeouts=model.Timeouts(run_seconds=10))
    state = decide.decide(state, NOTHING, build.at(0), POLICY).state
    reported = {model.StepKey("a"): step_state.report_process(state.steps[model.StepKey("a")])}
    state = decide.decide(replace(state, steps=reported), running, build.at(1), POLICY).state
    stopping = decide.decide(state, running, build.at(12), POLICY)
    ended = decide.decide(
        stopping.state,
        build.observe(build.worker("a", 1, WorkerPhase.ABSENT)),
        build.at(13),
        POLICY,
    )
    assert (RunStatus.FAILURE, "RunTimedOut") == (ended.state.run.status, ended.state.run.reason)
    assert "its limit is 10 s; under way: step a" in ended.state.run.message
    assert ended.state.run.message.endswith(": running")


def test_a_settled_worker_is_released_until_it_is_gone() -> None:
    """The finalizer's removal is asked for as long as it is seen, and noted once it is not."""
    state = settle(first(build.planned("a")).state, "a", build.success())
    held = decide.decide(
        state, build.observe(build.worker("a", 1, WorkerPhase.ENDED)), build.at(1), POLICY
    )
    assert [("a", 1)] == [
        (e.step_key, e.attempt) for e in held.effects if isinstance(e, model.ReleaseWorker)
    ]
    gone = build.observe(build.worker("a", 1, WorkerPhase.ABSENT))
    assert step(decide.decide(held.state, gone, build.at(2), POLICY), "a").attempts[0].is_released


def test_a_finished_run_is_published_until_it_is_marked() -> None:
    """A death between publishing and marking publishes once more, which is harmless."""
    state = settle(first(build.planned("a")).state, "a", build.success())
    ended = decide.decide(state, NOTHING, build.at(1), POLICY)
    assert model.PublishRun() in ended.effects
    assert model.PublishRun() in decide.decide(ended.state, NOTHING, build.at(2), POLICY).effects
    marked = decide.mark_published(ended.state, build.at(3))
    assert () == decide.decide(marked.state, NOTHING, build.at(4), POLICY).effects


def test_the_name_of_the_runs_object_is_kept() -> None:
    """So that a restarted controller knows that the object once existed."""
    state = first(build.planned("a")).state
    decision = decide.decide(state, build.observe(object_name="report-01jd7q"), build.at(1), POLICY)
    assert "report-01jd7q" == decision.state.run.object_name


def test_a_worker_that_only_waits_for_its_turn_is_not_lost_with_the_note_of_it() -> None:
    """The executor's list of who waits is in memory: after a restart the step is asked for again, as the same attempt."""
    waits = model.Worker(
        step_key=model.StepKey("a"), attempt=1, phase=WorkerPhase.PENDING, reason="NoFreeSlot"
    )
    state = decide.decide(
        first(build.planned("a")).state, build.observe(waits), build.at(1), POLICY
    ).state
    assert "NoFreeSlot" == state.steps[model.StepKey("a")].waiting_reason
    gone = build.observe(build.worker("a", 1, WorkerPhase.ABSENT))
    assert [("a", 1)] == starts(decide.decide(state, gone, build.at(2), POLICY))


def test_a_worker_that_a_cancel_ended_is_not_said_to_be_retried() -> None:
    """The log has the step's cancellation and no announcement of a retry."""
    state = decide.decide(
        first(build.planned("a")).state,
        build.observe(build.worker("a", 1, WorkerPhase.RUNNING)),
        build.at(1),
        POLICY,
    ).state
    asked = decide.request_cancel(state, build.at(2)).state
    gone = build.observe(build.worker("a", 1, WorkerPhase.ABSENT))
    types = [event.type for event in decide.decide(asked, gone, build.at(3), POLICY).events]
    assert EventType.STEP_UP_FOR_RETRY not in types
    assert EventType.STEP_CANCELED in types


@pytest.mark.parametrize(
    ("phase", "is_stopping", "is_released"),
    [
        (WorkerPhase.RUNNING, False, False),
        (WorkerPhase.RUNNING, True, True),
        (WorkerPhase.ENDED, False, True),
    ],
)
def test_a_worker_is_let_go_when_it_leaves(
    phase: WorkerPhase, is_stopping: bool, is_released: bool
) -> None:
    """A worker that still runs is in nobody's way; one that ended or is being deleted waits for us."""
    state = settle(first(build.planned("a")).state, "a", build.success())
    worker = model.Worker(
        step_key=model.StepKey("a"),
        attempt=1,
        phase=phase,
        worker_id="uid",
        is_stopping=is_stopping,
    )
    observation = model.Observation(workers={(worker.step_key, 1): worker})
    decision = decide.decide(state, observation, build.at(1), POLICY)
    released = [e for e in decision.effects if isinstance(e, model.ReleaseWorker)]
    assert is_released == bool(released)
