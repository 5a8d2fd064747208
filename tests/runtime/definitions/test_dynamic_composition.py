"""Composing with dynamic outputs: what is mapped, what is collected, and what is refused with its cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from opweave import (
    DynamicOut,
    DynamicOutput,
    JobDefinition,
    OpweaveInvalidDefinitionError,
    Out,
    graph,
    job,
    op,
)
from opweave.execution.plan import build_plan
from opweave.wire import mapped_steps
from opweave.wire.plan import OutputRef


@op(out=DynamicOut(int))
def numbers() -> Iterator[DynamicOutput[int]]:
    for number in range(3):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@op
def double(x: int) -> int:
    return 2 * x


@op
def add(x: int, y: int) -> int:
    return x + y


@op
def total(xs: list[int]) -> int:
    return sum(xs)


@op(out=DynamicOut())
def parts(x: int) -> Iterator[DynamicOutput[int]]:
    yield DynamicOutput(x, mapping_key="only")


def test_a_plan_holds_templates_for_what_is_mapped() -> None:
    """Mapped ops are no steps before the dynamic output is given; what collects waits for it."""

    @job
    def daily() -> None:
        total(numbers().map(double).map(double).collect())

    plan = build_plan(daily)
    source = OutputRef(step_key="numbers")
    assert ["numbers", "total"] == [step.key for step in plan.steps]
    assert ["double[?]", "double_2[?]"] == [step.key for step in plan.templates]
    assert {source} == {template.mapped_over for template in plan.templates}
    assert plan.templates[1].inputs[0].sources == (OutputRef(step_key="double[?]"),)
    collecting = plan.steps[1].inputs[0]
    assert collecting.sources == (source,)
    assert collecting.collects == OutputRef(step_key="double_2[?]")
    keys = ["numbers", "double[?]", "double_2[?]", "total"]
    assert keys == [step.key for step in mapped_steps.in_order(plan)]


def test_all_ops_of_a_mapped_graph_are_mapped() -> None:
    """The mapping key stands at the end of the path, whatever graph the op is in."""

    @graph
    def twice(x: int) -> Any:
        return double(double(x))

    @job
    def daily() -> None:
        numbers().map(twice)

    assert ["twice.double[?]", "twice.double_2[?]"] == [t.key for t in build_plan(daily).templates]


def test_a_graph_returns_dynamic_outputs() -> None:
    """Outside of the graph they are mapped on, whether its op gives them or was mapped itself."""

    @graph
    def inner() -> Any:
        return numbers().map(double)

    @job
    def daily() -> None:
        inner().map(double)

    assert ["inner.double[?]", "double[?]"] == [t.key for t in build_plan(daily).templates]


def test_an_annotation_makes_an_output_dynamic() -> None:
    """``list[DynamicOutput[int]]`` says as much as ``out=DynamicOut(int)``."""

    @op
    def listed() -> list[DynamicOutput[int]]:
        return [DynamicOutput(1, "a"), DynamicOutput(2, "b")]

    output = listed.outputs["result"]
    assert output.is_dynamic
    assert output.type.typing_type is int


def two_sources() -> None:
    first, second = numbers(), numbers.alias("others")()
    first.map(lambda x: second.map(lambda y: add(x, y)))


def nested_map() -> None:
    numbers().map(parts).map(double)


def nested_collect() -> None:
    total(numbers().map(parts).collect())


def mapped_and_collected() -> None:
    found = numbers()
    found.map(lambda x: add(x, found.collect()))


def direct() -> None:
    double(numbers())


def listed() -> None:
    total([numbers()])


def collected_in_list() -> None:
    total([numbers().collect()])


def map_of_one() -> None:
    double(total([])).map(double)


def collect_of_one() -> None:
    total(total([]).collect())


def returns_a_number() -> None:
    numbers().map(lambda _: 3)


def not_callable() -> None:
    numbers().map("double")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (two_sources, ("'add'", "two dynamic outputs", "'numbers'", "'others'", "collect one")),
        (nested_map, ("'double'", "'parts'", "'numbers'", "within another", "collect the first")),
        (nested_collect, ("'total'", "'parts'", "within another")),
        (mapped_and_collected, ("'add'", "collects", "collect in an op before it")),
        (direct, ("'numbers'", ".map(fn)", ".collect()")),
        (listed, ("'numbers'", ".map(fn)", ".collect()")),
        (collected_in_list, ("list itself", ".collect() alone")),
        (map_of_one, (".map()", "'double'", "out=DynamicOut()")),
        (collect_of_one, (".collect()", "'total'", "out=DynamicOut()")),
        (returns_a_number, ("'numbers'", "returns int 3", "outputs of the ops")),
        (not_callable, (".map()", "'double'", "give an op")),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_its_cure(
    body: Callable[[], None], words: tuple[str, ...]
) -> None:
    """The job does not load; the error names the ops and what to do."""
    with pytest.raises(OpweaveInvalidDefinitionError) as raised:
        job(name="daily")(body)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("key", ["", "a-b", "a[b]", "a.b", "ü", "x" * 201, 3, None])
def test_a_mapping_key_is_a_name(key: Any) -> None:
    """It becomes part of step keys, paths and URLs."""
    with pytest.raises(OpweaveInvalidDefinitionError, match="letters, digits and underscores"):
        DynamicOutput(1, mapping_key=key)


def test_a_selection_without_the_dynamic_op_runs_the_mapped_op_once() -> None:
    """Its input then comes from config, and what collects it gets a list of one."""

    @job
    def daily() -> None:
        total(numbers().map(double).collect())

    config = {"ops": {"double": {"inputs": {"x": {"value": 5}}}}}
    plan = build_plan(daily, config, ["double", "total"])
    assert [] == list(plan.templates)
    assert ["double", "total"] == [step.key for step in plan.steps]
    result = daily.execute_in_process(config, op_selection=["double", "total"])
    assert result.output_for_node("total") == 10


def test_outputs_of_a_mapped_op_with_several_are_unpacked() -> None:
    """``.map`` of an op with several outputs returns as many."""

    @op(out={"low": Out(), "high": Out()})
    def split(x: int) -> tuple[int, int]:
        return x, x + 10

    @job
    def daily() -> None:
        low, high = numbers().map(split)
        total.alias("lows")(low.collect())
        total.alias("highs")(high.collect())

    assert isinstance(daily, JobDefinition)
    result = daily.execute_in_process()
    assert (result.output_for_node("lows"), result.output_for_node("highs")) == (3, 33)
