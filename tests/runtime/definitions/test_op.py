"""Ops: what the decorator infers, refuses, and how a direct call behaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from opweave import (
    Config,
    In,
    Nothing,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    OpweaveInvalidInvocationError,
    Out,
    Output,
    build_op_context,
    job,
    op,
)
from opweave.definitions.op import OpDefinition


class LoadConfig(Config):
    rows: int = 3


def test_a_bare_decorator_takes_name_description_and_types_from_the_function() -> None:
    @op
    def clean(rows: list[int], limit: int = 5) -> dict[str, int]:
        """Clean the rows."""
        return {"rows": len(rows[:limit])}

    assert clean.name == "clean"
    assert clean.description == "Clean the rows."
    assert [(i.name, i.type.name, i.has_default) for i in clean.inputs.values()] == [
        ("rows", "list[int]", False),
        ("limit", "int", True),
    ]
    assert [(o.name, o.type.name) for o in clean.outputs.values()] == [("result", "dict[str, int]")]


def test_options_win_over_what_the_function_says() -> None:
    @op(name="tidy", description="Tidy.", tags={"team": "x"}, code_version="2")
    def clean() -> None:
        """Clean."""

    assert (clean.name, clean.description, clean.tags) == ("tidy", "Tidy.", {"team": "x"})
    assert clean.code_version == "2"


def test_a_pool_is_refused_while_it_has_no_effect() -> None:
    with pytest.raises(
        OpweaveInvalidDefinitionError, match=r"op 'clean' .* pool is not supported yet"
    ):

        @op(pool="db")
        def clean() -> None: ...


@pytest.mark.parametrize("name", ["context", "_context", "_"])
def test_an_unannotated_first_parameter_with_a_contexts_name_is_the_context(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def body({name}, x): return x", namespace)
    made: OpDefinition[..., Any] = OpDefinition(namespace["body"])
    assert list(made.inputs) == ["x"]


def test_a_first_parameter_annotated_as_context_may_have_any_name() -> None:
    @op
    def load(ctx: OpExecutionContext, x: int) -> int:
        return x

    assert list(load.inputs) == ["x"]


def test_a_context_named_only_for_type_checkers_is_recognised() -> None:
    namespace: dict[str, Any] = {}
    exec("def body(ctx: 'Missing.OpExecutionContext', x: 'Missing'): return x", namespace)
    made: OpDefinition[..., Any] = OpDefinition(namespace["body"])
    assert [(i.name, i.type.name) for i in made.inputs.values()] == [("x", "Any")]


def test_a_config_parameter_is_no_input() -> None:
    @op
    def load(config: LoadConfig, x: int) -> int:
        return x + config.rows

    assert list(load.inputs) == ["x"]
    assert load.config_field is not None


def test_an_unannotated_parameter_called_config_is_an_input() -> None:
    @op
    def load(config):  # type: ignore[no-untyped-def]
        return config

    assert list(load.inputs) == ["config"]


def test_an_annotation_of_none_gives_an_output_without_a_value() -> None:
    @op
    def finish() -> None:
        pass

    assert finish.outputs["result"].is_nothing


def test_the_type_of_a_yielded_output_comes_from_the_iterators_annotation() -> None:
    @op
    def numbers() -> Iterator[Output[int]]:
        yield Output(1)

    assert numbers.outputs["result"].type.name == "int"


def test_a_tuple_annotation_types_several_outputs_in_order() -> None:
    @op(out={"a": Out(), "b": Out(str)})
    def split() -> tuple[int, str]:
        return 1, "x"

    assert [(o.name, o.type.name) for o in split.outputs.values()] == [("a", "int"), ("b", "str")]


def test_an_input_for_order_only_needs_no_parameter() -> None:
    @op(ins={"start": In(Nothing)})
    def finish() -> int:
        return 1

    assert finish.inputs["start"].is_nothing


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        ("def f(*rows): ...", {}, "takes *rows: name each input"),
        ("def f(**rows): ...", {}, "takes **rows: name each input"),
        (
            "def f(rows): ...",
            {"ins": {"row": In(int)}},
            "'row', which its function does not take; did you mean rows?",
        ),
        (
            "def f(rows): ...",
            {"ins": {"rows": int}},
            "describes its input 'rows' by type <class 'int'>: give an In(...)",
        ),
        ("def f(): ...", {"out": 5}, "is given int 5 as out"),
        ("def f(): ...", {"out": {"a": int}}, "describes its output 'a' by"),
        ("def f(): ...", {"name": "a.b"}, "'a.b' cannot name op"),
        ("def f(): ...", {"name": "x" * 300}, "use letters, digits and underscores"),
        ("def f(): ...", {"tags": {1: "x"}}, "keys of tags must be texts"),
        ("def f(): ...", {"retry_policy": 3}, "is given int 3 as its retry policy"),
        ("def f(): ...", {"config_schema": object()}, "is no config schema"),
        (
            "def f(): ...",
            {"config_schema": {"a": [int, str]}},
            "field a: a list in a config schema",
        ),
        (
            "def f(config: dict): ...",
            {"config_schema": {"a": int}},
            "both config_schema and a parameter called config",
        ),
        ("def f(config: 'Nowhere'): ...", {}, "config: Nowhere, a name that does not exist"),
        (
            "def f() -> tuple[int, int]: ...",
            {"out": {"a": Out()}},
            "return 2 values and declares 1",
        ),
    ],
)
def test_a_wrong_op_is_refused_with_its_place_and_the_cure(
    source: str, options: dict[str, Any], told: str
) -> None:
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    with pytest.raises(OpweaveInvalidDefinitionError) as caught:
        OpDefinition(namespace["f"], **options)
    assert told in str(caught.value)
    assert "<string>:1" in str(caught.value)


def test_a_decorator_on_something_else_is_refused() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="put it on a function"):
        op("name")  # type: ignore[call-overload]


def test_a_direct_call_is_the_plain_function() -> None:
    @op
    def add(x: int, y: int = 2) -> int:
        return x + y

    assert (add(1), add(1, y=5)) == (3, 6)


def test_a_direct_call_passes_context_config_and_resources_from_the_context() -> None:
    @op(required_resource_keys={"db"})
    def load(context: OpExecutionContext, config: LoadConfig, x: int) -> tuple[str, int]:
        return context.resources.db, config.rows + x

    context = build_op_context(resources={"db": "connection"}, op_config={"rows": 4})
    assert load(context, 1) == ("connection", 5)
    assert load(context, LoadConfig(rows=9), 1) == ("connection", 10)


def test_a_direct_call_checks_the_contexts_config() -> None:
    @op
    def load(config: LoadConfig) -> int:
        return config.rows

    with pytest.raises(OpweaveInvalidConfigError, match="did you mean rows"):
        load(build_op_context(op_config={"row": 4}))


def test_a_direct_call_without_a_needed_context_says_how_to_make_one() -> None:
    @op
    def load(context: OpExecutionContext) -> int:
        return 1

    with pytest.raises(OpweaveInvalidInvocationError, match="build_op_context"):
        load()


def test_a_direct_call_with_wrong_arguments_names_the_op() -> None:
    @op
    def add(x: int) -> int:
        return x

    with pytest.raises(
        OpweaveInvalidInvocationError, match=r"op 'add' .*test_op.py:\d+.*unexpected"
    ):
        add(1, z=1)  # type: ignore[call-overload]


def test_a_node_with_an_alias_cannot_be_called_outside_of_a_body() -> None:
    @op
    def add() -> int:
        return 1

    with pytest.raises(OpweaveInvalidInvocationError, match="outside of a job or graph"):
        add.alias("other")()


def test_a_call_in_a_body_does_not_run_the_function() -> None:
    calls = []

    @op
    def load() -> int:
        calls.append(1)
        return 1

    @job
    def daily() -> None:
        load()

    assert (calls, list(daily.structure.nodes)) == ([], ["load"])
