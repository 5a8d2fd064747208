"""What a re-execution runs, and from which run the other inputs come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opweave.wire import plan as wire_plan
from opweave_operator.core import decide, dynamic_steps, model, reexecution
from opweave_operator.core.reexecution import Strategy
from support import builders as build

POLICY = model.EnginePolicy()
NOTHING = model.Observation()
CHAIN = (build.planned("a"), build.planned("b", "a"), build.planned("c", "b", "a"))
SPREAD = (
    build.dynamic("spread"),
    build.collecting("total", "once[?]", "spread"),
    build.mapped("once", "spread"),
)


def ended(
    plan: wire_plan.RunPlan, run_id: str = "parent", **outcomes: model.Outcome
) -> model.RunState:
    """Return a run of *plan* driven to its end: steps succeed unless *outcomes* say otherwise."""
    state = build.run_state(*plan.steps, *plan.templates)
    state = replace(state, run=replace(state.run, id=model.RunId(run_id)))
    for second in range(20):
        state = decide.decide(state, NOTHING, build.at(second), POLICY).state
        for key, step in list(state.steps.items()):
            if step.newest is not None and step.newest.is_open:
                outcome = outcomes.get(key.replace("[", "_").rstrip("]"), build.success())
                state = dynamic_steps.settle(state, state.steps[key], outcome)
    assert state.run.ended_at is not None
    return state


def fresh(*steps: wire_plan.PlannedStep) -> wire_plan.RunPlan:
    return build.run_state(*steps).run.plan


def again(
    plan: wire_plan.RunPlan, *ancestors: model.RunState, steps: tuple[str, ...] = ()
) -> wire_plan.RunPlan:
    strategy = Strategy.SELECTED_STEPS if steps else Strategy.FROM_FAILURE
    planned = reexecution.planned(plan, ancestors, strategy, steps)
    assert isinstance(planned, wire_plan.RunPlan), planned
    return planned


def refused(
    plan: wire_plan.RunPlan, *ancestors: model.RunState, steps: tuple[str, ...] = ()
) -> str:
    strategy = Strategy.SELECTED_STEPS if steps else Strategy.FROM_FAILURE
    planned = reexecution.planned(plan, ancestors, strategy, steps)
    assert isinstance(planned, reexecution.Impossible), planned
    return planned.message


def sources(plan: wire_plan.RunPlan, key: str) -> list[tuple[str, str | None, str | None]]:
    (step,) = [step for step in plan.steps if step.key == key]
    return [(r.step_key, r.run_id, r.mapping_key) for i in step.inputs for r in i.sources]


def test_all_steps_is_the_plan_of_today() -> None:
    plan = fresh(*CHAIN)
    assert plan is reexecution.planned(plan, [ended(plan)], Strategy.ALL_STEPS)


def test_from_failure_runs_what_failed_and_what_was_skipped_for_it() -> None:
    """Inputs of the others come from the parent, and the run can start at once."""
    plan = fresh(*CHAIN)
    planned = again(plan, ended(plan, b=build.failure()))
    assert ["b", "c"] == [step.key for step in planned.steps]
    assert [("a", "parent", None)] == sources(planned, "b")
    assert [("b", None, None), ("a", "parent", None)] == sources(planned, "c")
    decision = decide.decide(build.run_state(*planned.steps), NOTHING, build.NOON, POLICY)
    starts = [e.step_key for e in decision.effects if isinstance(e, model.StartWorker)]
    assert ["b"] == starts


def test_inputs_come_from_the_nearest_run_that_made_them() -> None:
    """A parent that was a re-execution itself lacks what its own parent gave."""
    plan = fresh(*CHAIN)
    first = ended(plan, "first", b=build.failure())
    second = ended(again(plan, first), "second", c=build.failure())
    planned = again(plan, second, first)
    assert ["c"] == [step.key for step in planned.steps]
    assert [("b", "second", None), ("a", "first", None)] == sources(planned, "c")


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        (("b",), ["b"]),
        (("b+",), ["b", "c"]),
        (("+b",), ["a", "b"]),
        (("*c",), ["a", "b", "c"]),
        (("a*",), ["a", "b", "c"]),
        (("a", "c"), ["a", "c"]),
    ],
)
def test_selected_steps_run_again(steps: tuple[str, ...], keys: list[str]) -> None:
    plan = fresh(*CHAIN)
    assert keys == [step.key for step in again(plan, ended(plan), steps=steps).steps]


def test_a_member_that_failed_runs_again_alone() -> None:
    """The dynamic step does not; the list has what the other members gave before."""
    plan = fresh(*SPREAD)
    parent = ended(plan, spread=build.members("x", "y"), once_y=build.failure())
    planned = again(plan, parent)
    assert ["total", "once[y]"] == [step.key for step in planned.steps]
    assert () == planned.templates
    assert [("spread", "parent", "y")] == sources(planned, "once[y]")
    assert [("once[x]", "parent", None), ("once[y]", None, None)] == sources(planned, "total")


def test_a_dynamic_step_that_failed_spreads_again() -> None:
    """Its templates are there for new members."""
    plan = fresh(*SPREAD)
    planned = again(plan, ended(plan, spread=build.failure()))
    assert plan == planned


def test_a_member_and_a_mapped_op_can_be_selected() -> None:
    plan = fresh(*SPREAD)
    parent = ended(plan, spread=build.members("x", "y"))
    assert ["once[x]"] == [s.key for s in again(plan, parent, steps=("once[x]",)).steps]
    assert ["total", "once[x]", "once[y]"] == [
        s.key for s in again(plan, parent, steps=("once+",)).steps
    ]


def test_what_cannot_run_again_says_why() -> None:
    plan = fresh(*CHAIN)
    whole = ended(plan)
    assert "nothing to run again" in refused(plan, whole)
    failed = ended(plan, a=build.failure())
    assert "select 'b' too" in refused(plan, failed, steps=("c",))
    assert "did you mean 'a'?" in refused(plan, whole, steps=("aa",))
    assert "selects no step" in refused(plan, whole, steps=("!",))
    gone = fresh(build.planned("a"))
    assert "no such op" in refused(gone, ended(plan, b=build.failure()))
    nothing = ended(plan, a=build.success("other"))
    assert "gave none in run parent" in refused(plan, nothing, steps=("b",))
    spread = fresh(*SPREAD)
    never = ended(spread, spread=build.failure())
    assert "select it too" in refused(spread, never, steps=("total",))
    assert "select 'spread' too" in refused(spread, never, steps=("once",))
