"""Whole jobs in this process: bodies of every kind, branches, results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from opweave import (
    AssetMaterialization,
    AssetObservation,
    EventType,
    ExecuteInProcessResult,
    ExpectationResult,
    Failure,
    GraphOut,
    In,
    JobDefinition,
    MetadataValue,
    Nothing,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    OpweaveInvalidSubsetError,
    OpweaveInvariantViolationError,
    OpweaveStepOutputNotFoundError,
    OpweaveType,
    OpweaveTypeCheckDidNotPass,
    Out,
    Output,
    graph,
    job,
    op,
)
from opweave.definitions.op import OpDefinition


@op
def one() -> int:
    return 1


@op
def add(x: int, y: int = 1) -> int:
    return x + y


@op
def total(xs: list[int]) -> int:
    return sum(xs)


def run_op(definition: OpDefinition[..., Any], *, raises: bool = True) -> ExecuteInProcessResult:
    @job
    def daily() -> None:
        definition()

    return daily.execute_in_process(raise_on_error=raises)


def keys_of(result: ExecuteInProcessResult, event_type: EventType) -> list[str | None]:
    return [e.step_key for e in result.get_events_of_type(event_type)]


def test_values_flow_through_ops_and_graphs() -> None:
    @graph(out={"a": GraphOut(), "b": GraphOut()})
    def pair(x: int) -> Any:
        first = add(x)
        return {"a": first, "b": add(first)}

    @job
    def daily() -> Any:
        made = pair(one())
        return total([made.a, made.b, one.alias("last")()])

    result = daily.execute_in_process()
    assert result.success
    assert result.output_for_node("pair", "a") == 2
    assert result.output_for_node("pair.add_2") == 3
    assert result.output_value() == 6


def test_events_tell_the_life_of_a_run_in_order() -> None:
    @job
    def daily() -> None:
        add(one())

    result = daily.execute_in_process()
    assert [(e.step_key, e.event_type_value) for e in result.all_events] == [
        (None, "RUN_START"),
        ("one", "STEP_START"),
        ("one", "STEP_OUTPUT"),
        ("one", "HANDLED_OUTPUT"),
        ("one", "STEP_SUCCESS"),
        ("add", "STEP_START"),
        ("add", "LOADED_INPUT"),
        ("add", "STEP_INPUT"),
        ("add", "STEP_INPUT"),
        ("add", "STEP_OUTPUT"),
        ("add", "HANDLED_OUTPUT"),
        ("add", "STEP_SUCCESS"),
        (None, "RUN_SUCCESS"),
    ]
    assert [e.step_key for e in result.events_for_node("one")] == ["one"] * 4


async def _later() -> int:
    await asyncio.sleep(0)
    return 7


def test_a_coroutine_function_is_awaited() -> None:
    @op
    async def load() -> int:
        return await _later()

    assert run_op(load).output_for_node("load") == 7


def test_an_asynchronous_generator_gives_outputs_as_it_yields() -> None:
    closed = []

    @op(out={"a": Out(int), "b": Out(int)})
    async def load() -> AsyncIterator[Output[int]]:
        try:
            yield Output(await _later(), "a")
            yield Output(await _later() + 1, "b")
        finally:
            closed.append(1)

    result = run_op(load)
    assert [result.output_for_node("load", name) for name in "ab"] == [7, 8]
    assert closed == [1]


@pytest.mark.parametrize("form", ["tuple", "dict", "outputs", "yield"])
def test_several_outputs_may_be_given_in_every_form(form: str) -> None:
    if form == "yield":

        @op(out={"a": Out(), "b": Out()})
        def split() -> Iterator[Output[int]]:
            yield Output(2, "b")
            yield Output(1, "a")
    else:

        @op(out={"a": Out(), "b": Out()})
        def split() -> Any:
            given: dict[str, Any] = {"tuple": (1, 2), "dict": {"b": 2, "a": 1}}
            return given.get(form, (Output(1, "a"), Output(2)))

    result = run_op(split)
    assert [result.output_for_node("split", name) for name in "ab"] == [1, 2]


def test_a_single_output_with_a_name_of_its_own_needs_no_name_when_given() -> None:
    @op(out={"rows": Out(int)})
    def load() -> Output[int]:
        return Output(5)

    assert run_op(load).output_for_node("load", "rows") == 5


def test_an_output_left_out_skips_what_needs_it() -> None:
    @op(out={"yes": Out(is_required=False), "no": Out(is_required=False)})
    def branch() -> Iterator[Output[int]]:
        yield Output(1, "yes")

    @op(ins={"start": In(Nothing)})
    def after() -> int:
        return 9

    @job
    def daily() -> None:
        made = branch()
        taken = add.alias("taken")(made.yes)
        other = add.alias("other")(made.no)
        add.alias("below")(other)
        after(start=[other])
        total([taken, other])

    result = daily.execute_in_process()
    assert result.success
    assert keys_of(result, EventType.STEP_SKIPPED) == ["other", "below", "after"]
    assert result.output_for_node("total") == 2
    skipped = result.get_events_of_type(EventType.STEP_SKIPPED)[0]
    assert (
        skipped.message == "skipped other: its input x needs branch.no, and branch gave no output"
    )


def test_a_fan_in_of_skipped_steps_only_is_skipped() -> None:
    @op(out=Out(is_required=False))
    def silent() -> Iterator[Output[int]]:
        yield from ()

    @job
    def daily() -> None:
        total([silent(), silent()])

    assert keys_of(daily.execute_in_process(), EventType.STEP_SKIPPED) == ["total"]


def test_a_fan_in_of_nothing_is_an_empty_list() -> None:
    @job
    def daily() -> None:
        total([])

    assert daily.execute_in_process().output_for_node("total") == 0


def test_an_order_only_input_passes_no_value() -> None:
    told = []

    @op
    def first() -> None:
        told.append("first")

    @op(ins={"start": In(Nothing)})
    def second() -> None:
        told.append("second")

    @job
    def daily() -> None:
        second(start=first())

    daily.execute_in_process()
    assert told == ["first", "second"]


def test_the_first_error_is_raised_as_it_is() -> None:
    @op
    def fail() -> int:
        raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError, match="oops"):
        run_op(fail)


def test_without_raising_independent_branches_finish() -> None:
    @op
    def fail() -> int:
        raise ValueError("oops")

    @job
    def daily() -> None:
        add(fail())
        one()

    result = daily.execute_in_process(raise_on_error=False)
    assert (result.success, result.get_failed_step_keys()) == (False, frozenset({"fail"}))
    assert keys_of(result, EventType.STEP_SKIPPED) == ["add"]
    assert keys_of(result, EventType.STEP_SUCCESS) == ["one"]
    failure = result.failures["fail"]
    assert (failure.reason, failure.message) == ("UserCodeError", "ValueError: oops")
    with pytest.raises(OpweaveInvariantViolationError, match="gave no output"):
        result.output_for_node("add")


def test_events_of_the_body_are_kept_in_order() -> None:
    @op
    def load(context: OpExecutionContext) -> Iterator[Any]:
        context.log_event(ExpectationResult(False, label="rows"))
        yield AssetMaterialization(["shop", "orders"], metadata={"rows": 5})
        yield AssetObservation("shop/orders")
        context.add_output_metadata({"url": MetadataValue.url("http://x")})
        yield Output(1, metadata={"rows": 3})

    result = run_op(load)
    told = {e.event_type_value: e for e in result.events_for_node("load")}
    assert told["STEP_EXPECTATION_RESULT"].payload["success"] is False
    assert told["ASSET_MATERIALIZATION"].payload["asset_key"] == ["shop", "orders"]
    assert told["ASSET_MATERIALIZATION"].message == "materialized shop/orders"
    assert told["ASSET_OBSERVATION"].payload["asset_key"] == ["shop", "orders"]
    assert told["STEP_OUTPUT"].payload["metadata"] == {
        "rows": {"type": "int", "value": 3},
        "url": {"type": "url", "value": "http://x"},
    }


def yields_something_else() -> Iterator[Any]:
    yield 5


def yields_twice() -> Iterator[Any]:
    yield Output(1)
    yield Output(2)


def yields_unknown() -> Iterator[Any]:
    yield Output(1, "resulx")


def yields_none() -> Iterator[Any]:
    yield from ()


def metadata_of_unknown(context) -> int:  # type: ignore[no-untyped-def]
    context.add_output_metadata({"a": 1}, output_name="resulx")
    return 1


@pytest.mark.parametrize(
    ("body", "error", "told"),
    [
        (
            yields_something_else,
            OpweaveInvariantViolationError,
            "yields or logs int 5: yield an Output",
        ),
        (yields_twice, OpweaveInvariantViolationError, "gives its output 'result' twice"),
        (
            yields_unknown,
            OpweaveInvariantViolationError,
            "'resulx', which it does not declare; did you mean result?",
        ),
        (yields_none, OpweaveStepOutputNotFoundError, "ended without its output 'result'"),
        (
            metadata_of_unknown,
            OpweaveInvariantViolationError,
            "no output 'resulx'; did you mean result?",
        ),
    ],
)
def test_a_body_that_breaks_a_rule_fails_with_the_cure(
    body: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        run_op(op(body))
    assert told in str(caught.value)


def test_a_value_that_fits_no_outputs_is_refused() -> None:
    @op(out={"a": Out(), "b": Out()})
    def split() -> Any:
        return 5

    with pytest.raises(
        OpweaveInvariantViolationError, match="returns int 5 and has the outputs a, b"
    ):
        run_op(split)


def test_an_output_of_another_type_fails_the_step() -> None:
    @op
    def load() -> int:
        return "x"  # type: ignore[return-value]

    with pytest.raises(
        OpweaveTypeCheckDidNotPass, match=r"the output 'result' of 'load' .* is not int"
    ):
        run_op(load)


def test_an_input_of_another_type_fails_the_step_that_receives_it() -> None:
    @op
    def load() -> Any:
        return "x"

    @job
    def daily() -> None:
        add(load())

    result = daily.execute_in_process(raise_on_error=False)
    failure = result.failures["add"]
    assert failure.reason == "TypeCheckFailed"
    assert "expected int, found str 'x'" in failure.message
    check = next(e for e in result.events_for_node("add") if e.event_type is EventType.STEP_INPUT)
    assert check.payload["type_check"]["success"] is False


def test_a_users_own_type_is_checked_with_the_context() -> None:
    seen = []

    def is_known(context: Any, value: Any) -> bool:
        seen.append(context.job_name)
        return bool(value > 0)

    @op(out=Out(OpweaveType(is_known, "Positive")))
    def load() -> int:
        return 3

    assert run_op(load).success
    assert seen == ["daily"]


def test_the_context_knows_run_job_step_and_tags() -> None:
    @op(tags={"kind": "x"})
    def load(context: OpExecutionContext) -> Any:
        return (
            context.run_id,
            context.job_name,
            context.step_key,
            context.retry_number,
            context.get_tag("team"),
            context.has_tag("nope"),
            context.op_tags,
            context.opweave_run.run_id,
        )

    @job(tags={"team": "a"})
    def daily() -> None:
        load()

    result = daily.execute_in_process(run_id="r1")
    assert result.output_for_node("load") == (
        "r1",
        "daily",
        "load",
        0,
        "a",
        False,
        {"kind": "x"},
        "r1",
    )


def test_a_failure_carries_its_description() -> None:
    @op
    def fail() -> None:
        raise Failure("the source is empty", metadata={"rows": 0})

    result = run_op(fail, raises=False)
    assert result.failures["fail"].message == "Failure: the source is empty"


@job
def chain() -> None:
    add.alias("c")(add.alias("b")(add.alias("a")(one())))


def test_a_selection_runs_only_these_ops() -> None:
    result = chain.execute_in_process(op_selection=["one", "a"])
    assert keys_of(result, EventType.STEP_SUCCESS) == ["one", "a"]


def test_an_input_from_outside_the_selection_is_given_by_config() -> None:
    config = {"ops": {"b": {"inputs": {"x": {"value": 10}}}}}
    assert chain.execute_in_process(config, op_selection=["b*"]).output_for_node("c") == 12
    with pytest.raises(OpweaveInvalidConfigError, match=r"ops\.b\.inputs\.x\.value is required"):
        chain.execute_in_process(op_selection=["b*"])


def test_config_of_ops_outside_the_selection_is_ignored() -> None:
    config = {"ops": {"c": {"config": {"anything": 1}}}}
    result = chain.execute_in_process(config, op_selection=["one"])
    assert result.plan.run_config == {"ops": {"one": {}}}


def test_a_selection_of_an_unknown_op_is_refused() -> None:
    with pytest.raises(OpweaveInvalidSubsetError):
        chain.execute_in_process(op_selection=["nope"])


@pytest.mark.parametrize(
    ("node", "output", "told"),
    [
        ("on", "result", "has no node 'on'; did you mean one?"),
        ("one", "resulx", "'one' has no output 'resulx'; did you mean result?"),
    ],
)
def test_asking_for_an_unknown_output_says_what_there_is(node: str, output: str, told: str) -> None:
    with pytest.raises(OpweaveInvariantViolationError) as caught:
        chain.execute_in_process().output_for_node(node, output)
    assert told in str(caught.value)


def test_a_graph_runs_by_itself() -> None:
    @graph
    def part() -> Any:
        return add(one())

    assert part.execute_in_process().output_value() == 2


def test_none_for_an_optional_output_is_passed_on_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @op(out=Out(is_required=False))
    def load() -> Any:
        return None

    result = run_op(load)
    assert result.output_for_node("load") is None
    assert result.get_events_of_type(EventType.LOG_MESSAGE)[0].payload["level"] == "WARNING"


def test_jobs_stay_usable_after_a_run() -> None:
    made: JobDefinition = chain
    assert [made.execute_in_process().output_for_node("c") for _ in range(2)] == [4, 4]
