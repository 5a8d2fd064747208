"""What a dynamic output adds to a run when it is given."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from opweave.wire import mapped_steps
from opweave.wire.attempt import EventType
from opweave_operator.core import decide, dynamic_steps, model
from opweave_operator.core.model import AttemptStatus, RunStatus, StepStatus, WorkerPhase
from support import builders as build

POLICY = model.EnginePolicy()
NOTHING = model.Observation()
CHAIN = (
    build.dynamic("spread"),
    build.planned("other"),
    build.collecting("total", "again[?]", "spread", "other"),
    build.mapped("once", "spread"),
    build.mapped("again", "spread", "once[?]", "other"),
)


def started(state: model.RunState, seconds: float = 0) -> model.RunState:
    return decide.decide(state, NOTHING, build.at(seconds), POLICY).state


def settle(state: model.RunState, key: str, outcome: model.Outcome) -> model.RunState:
    return dynamic_steps.settle(state, state.steps[model.StepKey(key)], outcome)


def statuses(state: model.RunState) -> dict[str, StepStatus]:
    return {key: step.status for key, step in state.steps.items()}


def test_the_run_grows_with_the_success_of_the_dynamic_step() -> None:
    """Each template becomes a step per member; those that were there keep their index, new ones follow."""
    state = settle(started(build.run_state(*CHAIN)), "spread", build.members("x", "y"))

    keys = ["spread", "other", "total", "once[x]", "once[y]", "again[x]", "again[y]"]
    assert keys == list(state.steps)
    assert list(range(7)) == [step.index for step in state.steps.values()]
    assert keys == [planned.key for planned in state.run.plan.steps]
    assert () == state.run.plan.templates
    planned = {planned.key: planned for planned in state.run.plan.steps}
    assert ("once[x]", "other") == planned["again[x]"].upstream_keys
    assert ("other", "again[x]", "again[y]") == planned["total"].upstream_keys


def test_mapped_steps_start_alone_and_what_collects_waits_for_all() -> None:
    """A member's chain does not wait for another member's."""
    state = settle(started(build.run_state(*CHAIN)), "spread", build.members("x", "y"))
    state = settle(started(settle(state, "other", build.success()), 1), "once[x]", build.success())
    state = started(state, 2)

    assert statuses(state) == {
        "spread": StepStatus.SUCCESS,
        "other": StepStatus.SUCCESS,
        "total": StepStatus.WAITING,
        "once[x]": StepStatus.SUCCESS,
        "once[y]": StepStatus.STARTING,
        "again[x]": StepStatus.STARTING,
        "again[y]": StepStatus.WAITING,
    }


@pytest.mark.parametrize("collects", ["once[?]", "spread"])
def test_without_members_what_collects_runs(collects: str) -> None:
    """Its list is empty."""
    state = build.run_state(
        build.dynamic("spread"),
        build.collecting("total", collects, "spread"),
        build.mapped("once", "spread"),
    )
    state = started(settle(started(state), "spread", build.members()), 1)
    assert {"spread": StepStatus.SUCCESS, "total": StepStatus.STARTING} == statuses(state)


@pytest.mark.parametrize(
    ("outcome", "reason"), [(build.failure(), "UpstreamFailed"), (None, "UpstreamSkipped")]
)
def test_a_dynamic_step_without_success_makes_no_steps(
    outcome: model.Outcome | None, reason: str
) -> None:
    """What would collect is skipped with the reason."""
    state = build.run_state(
        build.planned("first"),
        build.dynamic("spread", "first"),
        build.collecting("total", "once[?]", "spread"),
        build.mapped("once", "spread"),
    )
    state = settle(started(state), "first", build.success() if outcome else build.success("none"))
    state = started(state, 1)
    if outcome:
        state = started(settle(state, "spread", outcome), 2)
    assert {"first", "spread", "total"} == set(state.steps)
    assert (StepStatus.SKIPPED, reason) == (
        state.steps[model.StepKey("total")].status,
        state.steps[model.StepKey("total")].reason,
    )


def test_a_termination_message_grows_the_run_too() -> None:
    """Whatever tells the success, the steps for the members are there in the same decision."""
    state = started(build.run_state(*CHAIN))
    told = (
        '{"seq": 1, "type": "STEP_SUCCESS", "at": "2026-03-01T12:00:00+00:00", "success":'
        ' {"outputs": [{"name": "result", "mapping_key": "x"}]}}'
    )
    ended = build.worker("spread", 1, WorkerPhase.ENDED, exit_code=0, termination_message=told)
    decision = decide.decide(state, build.observe(ended), build.at(1), POLICY)
    assert model.StepKey("once[x]") in decision.state.steps
    assert model.StartWorker(step_key=model.StepKey("once[x]"), attempt=1) in decision.effects


def test_a_failed_member_fails_the_run_and_skips_what_collects() -> None:
    """Its neighbours go on."""
    state = build.run_state(
        build.dynamic("spread"),
        build.collecting("total", "once[?]", "spread"),
        build.mapped("once", "spread"),
    )
    state = started(settle(started(state), "spread", build.members("x", "y")), 1)
    state = settle(settle(state, "once[x]", build.failure()), "once[y]", build.success())
    decision = decide.decide(state, NOTHING, build.at(2), POLICY)
    assert RunStatus.FAILURE is decision.state.run.status
    assert StepStatus.SKIPPED is decision.state.steps[model.StepKey("total")].status
    assert "failed: once[x]" in decision.state.run.message


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("a/b",), "letters, digits and underscores"),
        (("x" * 201,), "letters, digits and underscores"),
        (("x", "x"), "twice"),
        (tuple(f"k{n}" for n in range(mapped_steps.MAX_STEPS)), "are allowed"),
    ],
)
def test_what_a_run_cannot_grow_by_is_a_failure_of_the_step(
    keys: tuple[str, ...], words: str
) -> None:
    """A process may claim any outputs; keys become part of step keys, paths and names."""
    state = started(build.run_state(*CHAIN))
    outcome = dynamic_steps.checked(state.run.plan, model.StepKey("spread"), build.members(*keys))
    assert (AttemptStatus.FAILURE, "OutputInvalid", ()) == (
        outcome.status,
        outcome.reason,
        outcome.outputs,
    )
    assert words in outcome.message


def test_a_member_without_a_key_is_refused() -> None:
    """A dynamic output has members only."""
    plan = build.run_state(*CHAIN).run.plan
    outcome = dynamic_steps.checked(plan, model.StepKey("spread"), build.success("result"))
    assert "OutputInvalid" == outcome.reason


def test_a_cancelled_run_ends_the_steps_that_were_just_made() -> None:
    """They never had a worker."""
    state = settle(started(build.run_state(*CHAIN)), "spread", build.members("x"))
    state = decide.request_cancel(state, build.at(1)).state
    decision = decide.decide(state, NOTHING, build.at(1), POLICY)
    assert StepStatus.CANCELED is decision.state.steps[model.StepKey("once[x]")].status
    assert EventType.STEP_CANCELED in [event.type for event in decision.events]


def test_a_fan_out_of_a_thousand_is_decided_quickly() -> None:
    """From the success of the dynamic step to the end of the run, all reports one by one: well under a minute."""
    began = time.monotonic()
    state = build.run_state(
        build.dynamic("spread"),
        build.collecting("total", "once[?]", "spread"),
        build.mapped("once", "spread"),
    )
    keys = [f"k{n}" for n in range(1000)]
    state = started(settle(started(state), "spread", build.members(*keys)), 1)
    for number, key in enumerate(keys):
        state = started(settle(state, f"once[{key}]", build.success()), 2 + number)
    state = started(settle(state, "total", build.success()), 2000)
    assert RunStatus.SUCCESS is state.run.status
    assert time.monotonic() - began < 30


def test_in_order_puts_what_is_mapped_before_what_collects() -> None:
    """For people, before and after the run has grown."""
    state = started(build.run_state(*CHAIN))
    plan = state.run.plan
    assert ["spread", "other", "once[?]", "again[?]", "total"] == [
        planned.key for planned in mapped_steps.in_order(plan)
    ]
    grown = settle(state, "spread", build.members("x")).run.plan
    assert ["spread", "other", "once[x]", "again[x]", "total"] == [
        planned.key for planned in mapped_steps.in_order(grown)
    ]
    assert replace(state, run=replace(state.run, plan=grown)).run.plan.templates == ()
