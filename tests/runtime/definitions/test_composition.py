"""Bodies of graphs and jobs: what they connect, and what is refused when they are defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opweave import (
    DependencyDefinition,
    GraphDefinition,
    GraphIn,
    GraphOut,
    In,
    InputMapping,
    JobDefinition,
    MultiDependencyDefinition,
    NodeInvocation,
    Nothing,
    OpweaveInvalidDefinitionError,
    OpweaveInvalidInvocationError,
    Out,
    OutputMapping,
    RetryPolicy,
    graph,
    job,
    op,
)


@op
def one() -> int:
    return 1


@op
def add(x: int, y: int = 1) -> int:
    return x + y


@op
def total(xs: list[int]) -> int:
    return sum(xs)


@op(out={"low": Out(int), "high": Out(int)})
def split(x: int) -> Any:
    return x, x + 10


@op
def silent() -> None:
    pass


@op(ins={"start": In(Nothing)})
def after() -> int:
    return 1


@op
def frame(x: bytearray) -> int:
    return len(x)


def edges(made: JobDefinition) -> dict[str, list[str]]:
    return {
        f"{path}.{name}": [f"{ref.step_key}.{ref.output_name}" for ref in fed.sources]
        for path, node in made.structure.nodes.items()
        for name, fed in node.inputs.items()
    }


def test_calls_connect_outputs_to_inputs_by_position_and_name() -> None:
    @job
    def daily() -> None:
        first = one()
        add(first, y=one.alias("other")())

    assert edges(daily) == {"add.x": ["one.result"], "add.y": ["other.result"]}


def test_the_same_op_used_again_gets_a_number() -> None:
    @job
    def daily() -> None:
        add(add(add(one())))

    assert list(daily.structure.nodes) == ["one", "add", "add_2", "add_3"]


def test_several_outputs_are_unpacked_or_taken_by_name() -> None:
    @job
    def daily() -> None:
        low, high = split(one())
        add(low, high)
        outputs = split.alias("again")(one.alias("other")())
        add(outputs.low, outputs.high)

    assert edges(daily)["add.y"] == ["split.high"]
    assert edges(daily)["add_2.x"] == ["again.low"]


def test_a_list_of_outputs_feeds_one_input_together() -> None:
    @job
    def daily() -> None:
        total([one(), add(one())])

    assert edges(daily)["total.xs"] == ["one.result", "add.result"]
    assert daily.structure.nodes["total"].inputs["xs"].is_fan_in


def test_nested_graphs_pass_inputs_down_and_outputs_up() -> None:
    @graph
    def inner(x: int) -> Any:
        return add(x)

    @graph(out={"a": GraphOut(), "b": GraphOut()}, ins={"z": GraphIn(description="start")})
    def outer(z: int) -> Any:
        first = inner(z)
        return {"a": first, "b": inner(first)}

    @job
    def daily() -> None:
        made = outer(one())
        total([made.a, made.b])

    assert edges(daily) == {
        "outer.inner.add.x": ["one.result"],
        "outer.inner_2.add.x": ["outer.inner.add.result"],
        "total.xs": ["outer.inner.add.result", "outer.inner_2.add.result"],
    }
    assert outer.inputs["z"].description == "start"


def test_tags_and_retry_policies_of_uses_win_over_those_of_definitions() -> None:
    eager, calm, default = RetryPolicy(1), RetryPolicy(2), RetryPolicy(3)

    @op(tags={"team": "op", "kind": "op"}, retry_policy=eager)
    def load() -> int:
        return 1

    @graph(tags={"kind": "graph", "level": "graph"})
    def part() -> Any:
        return load()

    @job(op_retry_policy=default)
    def daily() -> None:
        part()
        load.tag({"team": "use"}).with_retry_policy(calm).alias("own")()
        part.alias("patient").with_retry_policy(calm)()

    nodes = daily.structure.nodes
    assert nodes["part.load"].tags == {"kind": "op", "level": "graph", "team": "op"}
    assert nodes["own"].tags == {"team": "use", "kind": "op"}
    assert [nodes[n].retry_policy for n in ("part.load", "own", "patient.load")] == [
        eager,
        calm,
        eager,
    ]


def test_a_graph_cannot_be_called_outside_of_a_body() -> None:
    @graph
    def part() -> Any:
        return one()

    with pytest.raises(OpweaveInvalidInvocationError, match=r"part\.execute_in_process"):
        part()


def unknown_input() -> None:
    add(one(), why=one())  # type: ignore[call-overload]


def too_many() -> None:
    add(one(), one(), one())  # type: ignore[call-overload]


def twice() -> None:
    add(one(), x=one())  # type: ignore[call-overload]


def constant() -> None:
    add(5)


def constant_in_list() -> None:
    total([one(), 5])


def all_outputs() -> None:
    add(split(one()))


def no_such_output() -> None:
    add(split(one()).middle)


def same_alias() -> None:
    one.alias("a")()
    one.alias("a")()


def alias_taken() -> None:
    one.alias("add")()
    add(one())


def two_definitions() -> None:
    @op(name="one")
    def other() -> int:
        return 2

    one()
    other()


def nothing_to_value() -> None:
    add(silent())  # type: ignore[call-overload]


def returns_a_number() -> Any:
    one()
    return 5


def generator() -> Any:
    yield one()


def takes_context(context) -> None:  # type: ignore[no-untyped-def]
    one()


def takes_default(x: int = 4) -> None:
    add(x)


def unconnected() -> None:
    frame()  # type: ignore[call-overload]


def bad_retry() -> None:
    one.with_retry_policy(3)()  # type: ignore[arg-type]


def bad_alias() -> None:
    one.alias("a.b")()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (unknown_input, "add in graph 'unknown_input'"),
        (unknown_input, "has no input 'why'; its inputs: x, y"),
        (too_many, "called with 3 positional arguments and has 2 inputs: x, y"),
        (twice, "given the input 'x' twice"),
        (constant, "is given int 5, which is no output of an op"),
        (constant_in_list, "is given int 5, which is no output of an op"),
        (all_outputs, "given all outputs of split (low, high): pass one of them"),
        (same_alias, "two nodes of graph 'same_alias'"),
        (alias_taken, "give one of them another name by .alias(...)"),
        (two_definitions, "two different definitions called 'one'"),
        (nothing_to_value, "carries no value"),
        (returns_a_number, "returns int 5"),
        (generator, "is a generator or coroutine"),
        (takes_context, "takes a context, config or resources: only ops do"),
        (takes_default, "gives its input 'x' a default"),
        (unconnected, "nothing feeds the input 'x' of 'frame' in job 'unconnected'"),
        (unconnected, "run config cannot hold a bytearray"),
        (bad_retry, "is given int 3 as its retry policy"),
        (bad_alias, "'a.b' cannot name op by .alias"),
    ],
)
def test_a_wrong_body_is_refused_when_it_is_defined(body: Callable[..., Any], told: str) -> None:
    with pytest.raises(OpweaveInvalidDefinitionError) as caught:
        job(body)
    assert told in str(caught.value)
    assert "test_composition.py:" in str(caught.value)


def test_an_unknown_output_by_name_suggests_the_closest() -> None:
    with pytest.raises(AttributeError, match="no output 'middle'; the outputs are low, high"):
        job(no_such_output)


def test_an_output_of_another_graph_cannot_be_used() -> None:
    leaked = []

    @graph
    def part() -> Any:
        leaked.append(one())
        return leaked[0]

    with pytest.raises(OpweaveInvalidDefinitionError, match="belongs to another graph"):

        @job
        def daily() -> None:
            add(leaked[0])


def test_an_order_only_input_waits_for_several() -> None:
    @job
    def daily() -> None:
        after(start=[silent(), one()])

    assert edges(daily)["after.start"] == ["silent.result", "one.result"]


def test_a_graph_by_data_is_the_same_as_one_by_a_body() -> None:
    made = GraphDefinition(
        "sums",
        node_defs=[one, add, total],
        dependencies={
            "add": {"x": DependencyDefinition("one")},
            NodeInvocation("add", alias="more", tags={"k": "v"}): {
                "y": DependencyDefinition("add")
            },
            "total": {
                "xs": MultiDependencyDefinition(
                    [DependencyDefinition("add"), DependencyDefinition("more")]
                )
            },
        },
        input_mappings=[InputMapping("start", "more", "x")],
        output_mappings=[OutputMapping("sum", "total")],
    )

    @job
    def daily() -> None:
        made(one())

    assert edges(daily) == {
        "sums.add.x": ["sums.one.result"],
        "sums.more.x": ["one.result"],
        "sums.more.y": ["sums.add.result"],
        "sums.total.xs": ["sums.add.result", "sums.more.result"],
    }


def test_a_cycle_is_found_and_shown_in_the_direction_of_data() -> None:
    made = GraphDefinition(
        "loop",
        node_defs=[add, total],
        dependencies={
            "add": {"x": DependencyDefinition("total")},
            "total": {"xs": MultiDependencyDefinition([DependencyDefinition("add")])},
        },
    )
    with pytest.raises(OpweaveInvalidDefinitionError, match="cyclic: add -> total -> add"):
        made.to_job()


def test_a_step_cannot_feed_itself() -> None:
    made = GraphDefinition(
        "loop", node_defs=[add], dependencies={"add": {"x": DependencyDefinition("add")}}
    )
    with pytest.raises(OpweaveInvalidDefinitionError, match=r"cyclic: add -> add"):
        made.to_job()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"node_defs": [one, one]}, "is given two nodes called 'one'"),
        (
            {"node_defs": [one], "dependencies": {"ones": {}}},
            "'ones', which is not one of its nodes; did you mean one?",
        ),
        (
            {"node_defs": [one, add], "dependencies": {"add": {"xx": DependencyDefinition("one")}}},
            "feeds the input 'xx' of 'add', which has no such input",
        ),
        (
            {"node_defs": [one, add], "dependencies": {"add": {"x": DependencyDefinition("onee")}}},
            "is fed by 'onee', which is no node of it; did you mean one?",
        ),
        (
            {
                "node_defs": [one, add],
                "dependencies": {"add": {"x": DependencyDefinition("one", "res")}},
            },
            "is fed by the output 'res' of 'one', which has result",
        ),
        (
            {"node_defs": [one], "dependencies": {"one": {}, NodeInvocation("one"): {}}},
            "two nodes of graph 'g'",
        ),
        (
            {"node_defs": [one], "input_mappings": [InputMapping("a", "one", "x")]},
            "maps its input 'a' to one.x",
        ),
        ({"node_defs": [one], "output_mappings": [OutputMapping("a", "two")]}, "is fed by 'two'"),
    ],
)
def test_a_wrong_graph_by_data_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OpweaveInvalidDefinitionError) as caught:
        GraphDefinition("g", **options)
    assert told in str(caught.value)


def test_a_graph_that_returns_other_outputs_than_it_declares_is_refused() -> None:
    with pytest.raises(
        OpweaveInvalidDefinitionError, match="declares the outputs a, b and returns a"
    ):

        @graph(out={"a": GraphOut(), "b": GraphOut()})
        def part() -> Any:
            return {"a": one()}


def test_an_op_that_was_not_called_is_told_with_the_call() -> None:
    def forgets() -> None:
        add(one)

    def forgets_in_a_list() -> None:
        total([one.alias("first")])

    for body, call in ((forgets, "call it, one(...)"), (forgets_in_a_list, "call it, first(...)")):
        with pytest.raises(OpweaveInvalidDefinitionError) as caught:
            job(body)
        assert call in str(caught.value)
        assert str(caught.value).count("test_composition.py:") == 2
        assert " at 0x" not in str(caught.value)


def test_no_definition_shows_its_address() -> None:
    @job
    def idle() -> None: ...

    for definition in (one, one.alias("first"), idle):
        assert " at 0x" not in repr(definition)
