"""Plans: order, edges, pods, and what is wrong with a config, before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave import (
    Backoff,
    DependencyDefinition,
    Field,
    GraphDefinition,
    In,
    MultiDependencyDefinition,
    NodeInvocation,
    Nothing,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    OpweaveInvalidSubsetError,
    Out,
    RetryPolicy,
    graph,
    job,
    op,
)
from opweave.execution.plan import build_plan
from opweave.wire import codec
from opweave.wire.plan import OutputRef, PlannedStep, RunPlan, StepInput, StepOutput
from opweave.wire.plan import RetryPolicy as WireRetryPolicy


@op
def one() -> int:
    """Give one."""
    return 1


@op(out={"a": Out(int), "b": Out(int, is_required=False)}, tags={"team": "x", "sizes": [1]})
def split(x: int) -> Any:
    return x, x


@op(ins={"start": In(Nothing)}, retry_policy=RetryPolicy(2, delay=1, backoff=Backoff.LINEAR))
def total(xs: list[int]) -> None:
    pass


@op(config_schema={"rows": Field(int, default_value=5)}, tags={"opweave/max_runtime": "30"})
def clean(context) -> int:  # type: ignore[no-untyped-def]
    return 1


@graph
def part(x: int) -> Any:
    return split(x).b


@job(tags={"team": "y"})
def daily() -> None:
    total([one(), part(one())], start=clean())


def test_a_plan_says_all_that_the_operator_needs() -> None:
    assert build_plan(daily) == RunPlan(
        job="daily",
        tags={"team": "y"},
        run_config={
            "ops": {
                "one": {},
                "one_2": {},
                "part": {"ops": {"split": {}}},
                "clean": {"config": {"rows": 5}},
                "total": {},
            }
        },
        steps=(
            PlannedStep(key="one", op="one", description="Give one.", outputs=(StepOutput(),)),
            PlannedStep(key="one_2", op="one", description="Give one.", outputs=(StepOutput(),)),
            PlannedStep(
                key="part.split",
                op="split",
                inputs=(StepInput(name="x", sources=(OutputRef(step_key="one_2"),)),),
                outputs=(StepOutput(name="a"), StepOutput(name="b", is_required=False)),
                tags={"team": "x", "sizes": "[1]"},
            ),
            PlannedStep(
                key="clean",
                op="clean",
                outputs=(StepOutput(),),
                tags={"opweave/max_runtime": "30"},
                timeout_seconds=30,
            ),
            PlannedStep(
                key="total",
                op="total",
                inputs=(
                    StepInput(
                        name="xs",
                        sources=(
                            OutputRef(step_key="one"),
                            OutputRef(step_key="part.split", output_name="b"),
                        ),
                        is_fan_in=True,
                    ),
                    StepInput(
                        name="start", sources=(OutputRef(step_key="clean"),), is_nothing=True
                    ),
                ),
                outputs=(StepOutput(is_nothing=True),),
                retry_policy=WireRetryPolicy(
                    max_retries=2, delay_seconds=1, backoff=Backoff.LINEAR
                ),
            ),
        ),
    )


def test_a_plan_survives_the_wire() -> None:
    plan = build_plan(daily)
    assert codec.decode(RunPlan, codec.encode(plan)) == plan


def test_a_plan_with_a_wrong_config_has_every_problem() -> None:
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        build_plan(daily, {"ops": {"clean": {"config": {"rows": "x", "row": 1}}}})
    assert [p.path[-1] for p in caught.value.problems] == ["rows", "row"]


def test_a_selection_plans_only_these_steps() -> None:
    assert [s.key for s in build_plan(daily, op_selection=("*part",)).steps] == [
        "one_2",
        "part.split",
    ]
    with pytest.raises(OpweaveInvalidSubsetError):
        build_plan(daily, op_selection=("nope",))


def test_a_missing_resource_is_told() -> None:
    @op(required_resource_keys={"db"})
    def use() -> None:
        pass

    @job
    def weekly() -> None:
        use()

    with pytest.raises(OpweaveInvalidDefinitionError, match="requires the resource 'db'"):
        build_plan(weekly)


@pytest.mark.parametrize("value", ["x", 0, -5, "nan", "inf", [1]])
def test_a_time_limit_that_is_no_time_is_refused(value: Any) -> None:
    @op(tags={"opweave/max_runtime": value})
    def use() -> None:
        pass

    @job
    def weekly() -> None:
        use()

    with pytest.raises(OpweaveInvalidDefinitionError, match="give a number of seconds above 0"):
        build_plan(weekly)


@op
def gather(xs: list[int]) -> int:
    return sum(xs)


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[list[str], dict[str, list[str]]]:
    """Return node names in the order of their definition, and for each those that feed it."""
    count = draw(st.integers(1, 12))
    names = [f"n{index}" for index in range(count)]
    order = draw(st.permutations(names))
    edges = {
        name: draw(st.lists(st.sampled_from(order[:index]), unique=True)) if index else []
        for index, name in enumerate(order)
    }
    return names, edges


@given(acyclic())
def test_steps_come_after_what_feeds_them_in_an_order_that_never_changes(
    drawn: tuple[list[str], dict[str, list[str]]],
) -> None:
    names, edges = drawn

    def planned() -> list[str]:
        dependencies = {
            NodeInvocation("gather", alias=name): {
                "xs": MultiDependencyDefinition(
                    [DependencyDefinition(other) for other in edges[name]]
                )
            }
            for name in names
        }
        made = GraphDefinition("g", node_defs=[gather], dependencies=dependencies).to_job()
        return [step.key for step in build_plan(made).steps]

    keys = planned()
    assert sorted(keys) == sorted(names)
    assert all(keys.index(other) < keys.index(name) for name in names for other in edges[name])
    assert planned() == keys


def test_a_job_of_ten_thousand_ops_is_planned() -> None:
    @job
    def wide() -> None:
        first = one()
        for index in range(9_999):
            gather.alias(f"n{index}")([first])

    assert len(build_plan(wide).steps) == 10_000


def test_a_chain_of_a_thousand_ops_is_planned_and_run() -> None:
    @op
    def add(x: int) -> int:
        return x + 1

    @job
    def long() -> Any:
        value = one()
        for index in range(1_000):
            value = add.alias(f"n{index}")(value)
        return value

    assert long.execute_in_process().output_value() == 1_001
