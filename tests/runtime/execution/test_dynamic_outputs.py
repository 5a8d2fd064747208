"""Dynamic outputs in this process: which steps run, with what, and what happens when there are none or one fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from opweave import (
    DynamicOut,
    DynamicOutput,
    EventType,
    ExecuteInProcessResult,
    OpExecutionContext,
    OpweaveInvariantViolationError,
    OpweaveTypeCheckDidNotPass,
    Out,
    Output,
    RetryPolicy,
    graph,
    job,
    op,
)
from opweave.definitions.op import OpDefinition


@op(out=DynamicOut(int), config_schema={"count": int})
def numbers(context: OpExecutionContext) -> Iterator[DynamicOutput[int]]:
    for number in range(context.op_config["count"]):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@op
def double(x: int) -> int:
    return 2 * x


@op
def total(xs: list[int]) -> int:
    return sum(xs)


def count(number: int) -> dict[str, Any]:
    return {"ops": {"numbers": {"config": {"count": number}}}}


def keys(result: ExecuteInProcessResult, event_type: EventType) -> list[str | None]:
    return [event.step_key for event in result.get_events_of_type(event_type)]


@job
def doubled() -> None:
    total(numbers().map(double).map(double.alias("again")).collect())


def test_a_step_runs_for_each_member() -> None:
    """Mapped steps carry the mapping key; the list that is collected has the order in which the members were given."""
    result = doubled.execute_in_process(count(3))
    assert keys(result, EventType.STEP_SUCCESS) == [
        "numbers", "double[n0]", "double[n1]", "double[n2]", "again[n0]", "again[n1]", "again[n2]", "total",
    ]  # fmt: skip
    assert result.output_for_node("numbers") == {"n0": 0, "n1": 1, "n2": 2}
    assert result.output_for_node("again") == {"n0": 0, "n1": 4, "n2": 8}
    assert result.output_for_node("total") == 12
    assert {"double[n1]"} == {e.step_key for e in result.events_for_node("double[n1]")}
    assert len({e.step_key for e in result.events_for_node("double")}) == 3


def test_no_members_means_no_steps_and_an_empty_list() -> None:
    """A dynamic output may have no member; what collects runs all the same."""
    result = doubled.execute_in_process(count(0))
    assert keys(result, EventType.STEP_SUCCESS) == ["numbers", "total"]
    assert result.output_for_node("total") == 0


def test_the_dynamic_output_itself_can_be_collected() -> None:
    """Its members come as a list, an empty one too."""

    @job
    def daily() -> None:
        total(numbers().collect())

    assert daily.execute_in_process(count(4)).output_for_node("total") == 6
    assert daily.execute_in_process(count(0)).output_for_node("total") == 0


def test_a_mapped_graph_and_another_input_that_is_not_mapped() -> None:
    """Every member's steps receive the same other input, and wait for it although it comes later in the body."""

    @op
    def ten() -> int:
        return 10

    @op
    def add(x: int, y: int) -> int:
        return x + y

    @graph
    def tidy(x: int, y: int) -> Any:
        return add(double(x), y)

    @job
    def daily() -> None:
        found = numbers()
        later = ten()
        total(found.map(lambda x: tidy(x, later)).collect())

    result = daily.execute_in_process(count(3))
    assert result.output_for_node("tidy.add") == {"n0": 10, "n1": 12, "n2": 14}
    assert result.output_for_node("total") == 36


def test_what_follows_a_failed_member_is_skipped_and_the_others_go_on() -> None:
    """What collects cannot run without it."""

    @op
    def picky(x: int) -> int:
        if x == 1:
            raise ValueError("not one")
        return x

    @job
    def daily() -> None:
        total(numbers().map(picky).map(double).collect())

    result = daily.execute_in_process(count(3), raise_on_error=False)
    assert result.get_failed_step_keys() == {"picky[n1]"}
    assert keys(result, EventType.STEP_SKIPPED) == ["double[n1]", "total"]
    assert result.output_for_node("double") == {"n0": 0, "n2": 4}


def test_members_that_yield_nothing_are_left_out_of_the_list() -> None:
    """Only when all members are missing is what collects skipped too."""

    @op(out=Out(int, is_required=False))
    def odd(x: int) -> Iterator[Output[int]]:
        if x % 2:
            yield Output(x)

    @job
    def daily() -> None:
        total(numbers().map(odd).collect())

    assert daily.execute_in_process(count(4)).output_for_node("total") == 4
    assert keys(daily.execute_in_process(count(1)), EventType.STEP_SKIPPED) == ["total"]


def test_a_mapped_step_is_tried_again_alone() -> None:
    """Its retry policy applies to each member by itself; the context tells which it is."""
    tries: list[str | None] = []

    @op(retry_policy=RetryPolicy(max_retries=1))
    def shaky(context: OpExecutionContext, x: int) -> int:
        tries.append(context.get_mapping_key())
        if x == 1 and context.retry_number == 0:
            raise ValueError("once")
        return x

    @job
    def daily() -> None:
        total(numbers().map(shaky).collect())

    assert daily.execute_in_process(count(3)).output_for_node("total") == 3
    assert tries == ["n0", "n1", "n1", "n2"]


def test_a_failed_dynamic_step_leaves_no_mapped_steps() -> None:
    """What collects is skipped, and says why."""

    @op(out=DynamicOut())
    def breaks() -> Iterator[DynamicOutput[int]]:
        yield DynamicOutput(1, "a")
        raise ValueError("late")

    @job
    def daily() -> None:
        total(breaks().map(double).collect())

    result = daily.execute_in_process(raise_on_error=False)
    assert {None, "breaks", "total"} == {event.step_key for event in result.all_events}
    (skipped,) = result.get_events_of_type(EventType.STEP_SKIPPED)
    assert "breaks failed" in skipped.message


def test_a_dynamic_output_after_a_collected_one() -> None:
    """Members can be collected and spread again."""

    @op(out=DynamicOut())
    def halves(x: int) -> list[DynamicOutput[int]]:
        return [DynamicOutput(x // 2, "low"), DynamicOutput(x - x // 2, "high")]

    @job
    def daily() -> None:
        halves(total(numbers().map(double).collect())).map(double.alias("last"))

    assert daily.execute_in_process(count(3)).output_for_node("last") == {"low": 6, "high": 6}


def test_metadata_belongs_to_one_member() -> None:
    """``add_output_metadata`` takes the mapping key."""

    @op(out=DynamicOut())
    def noted(context: OpExecutionContext) -> Iterator[DynamicOutput[int]]:
        context.add_output_metadata({"rows": 7}, mapping_key="b")
        yield DynamicOutput(1, "a", metadata={"kind": "first"})
        yield DynamicOutput(2, "b")

    @job
    def daily() -> None:
        noted()

    outputs = daily.execute_in_process().get_events_of_type(EventType.STEP_OUTPUT)
    assert [sorted(event.payload["metadata"]) for event in outputs] == [["kind"], ["rows"]]
    assert [event.payload["mapping_key"] for event in outputs] == ["a", "b"]


@op(out=DynamicOut(int))
def plain() -> Any:
    return 3


@op(out=DynamicOut(int))
def wrong_type() -> Any:
    return [DynamicOutput("three", "a")]


@op(out=DynamicOut(int))
def twice() -> Any:
    return [DynamicOutput(1, "a"), DynamicOutput(2, "a")]


@op
def undeclared() -> Any:
    return DynamicOutput(1, "a")


@pytest.mark.parametrize(
    ("definition", "error", "words"),
    [
        (plain, OpweaveInvariantViolationError, "DynamicOutput"),
        (wrong_type, OpweaveTypeCheckDidNotPass, "'result'"),
        (twice, OpweaveInvariantViolationError, "'a' twice"),
        (undeclared, OpweaveInvariantViolationError, "DynamicOut()"),
    ],
)
def test_wrong_members_fail_the_step(
    definition: OpDefinition[..., Any], error: type[Exception], words: str
) -> None:
    """The error names op and output and says what to give."""

    @job
    def daily() -> None:
        definition()

    with pytest.raises(error) as raised:
        daily.execute_in_process()
    assert words in str(raised.value)


def test_ten_thousand_members_run() -> None:
    """The way through a fan-out does not grow with its square."""

    @job
    def daily() -> None:
        total(numbers().map(double).collect())

    result = daily.execute_in_process(count(10_000))
    assert len(keys(result, EventType.STEP_SUCCESS)) == 10_002
