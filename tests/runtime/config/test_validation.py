"""Dict schemas: every problem at once, with its path and its cure."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from opweave import (
    Array,
    BoolSource,
    Enum,
    EnumValue,
    EnvVar,
    Field,
    Int,
    IntSource,
    JobDefinition,
    Map,
    Noneable,
    OpweaveInvalidConfigDefinitionError,
    OpweaveInvalidConfigError,
    OpweaveInvariantViolationError,
    Permissive,
    Selector,
    Shape,
    String,
    StringSource,
    graph,
    job,
    op,
    validate_run_config,
)


class Mode(enum.Enum):
    FAST = 1
    SAFE = 2


def job_with(schema: object) -> JobDefinition:
    @op(config_schema=schema)
    def clean(context) -> Any:  # type: ignore[no-untyped-def]
        return context.op_config

    @job
    def daily() -> None:
        clean()

    return daily


def checked(schema: object, value: object) -> Any:
    config = validate_run_config(job_with(schema), {"ops": {"clean": {"config": value}}})
    return config["ops"]["clean"]["config"]


def problems(made: JobDefinition, config: Any) -> list[tuple[str, str]]:
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        validate_run_config(made, config)
    return [(".".join(p.path), p.message) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (bool, True, True),
        (str, "x", "x"),
        (dict, {"a": [1]}, {"a": [1]}),
        ([int], [1, 2], [1, 2]),
        (Array(str), ("a",), ["a"]),
        (list[int], [1], [1]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Map(str, float), {"a": 1}, {"a": 1.0}),
        (Noneable(int), None, None),
        (int | None, None, None),
        ({"a": Field(int, default_value=4)}, {}, {"a": 4}),
        ({"a": Field(int, default_value=4)}, None, {"a": 4}),
        ({"a": Noneable(int)}, {}, {"a": None}),
        ({"a": {"b": Field(int, default_value=1)}}, {}, {"a": {"b": 1}}),
        ({"a": Field(int, is_required=False)}, {}, {}),
        (Permissive({"a": int}), {"a": 1, "z": [2]}, {"a": 1, "z": [2]}),
        (Selector({"a": int, "b": {"x": Field(int, default_value=1)}}), {"b": {}}, {"b": {"x": 1}}),
        (Enum("M", [EnumValue("X"), EnumValue("Y")]), "Y", "Y"),
        (Enum.from_python_enum(Mode), "FAST", "FAST"),
        (StringSource, {"env": "TOKEN"}, {"env": "TOKEN"}),
        (IntSource, 5, 5),
        (StringSource, EnvVar("TOKEN"), {"env": "TOKEN"}),
        (Shape({"a": String, "b": Int}), {"a": "x", "b": 1}, {"a": "x", "b": 1}),
    ],
)
def test_a_value_of_the_schema_is_filled_with_defaults(
    schema: object, value: object, expected: object
) -> None:
    assert checked(schema, value) == expected


@pytest.mark.parametrize(
    ("schema", "value", "path", "message"),
    [
        (int, "3", "", "must be int, found str '3'"),
        (int, True, "", "must be int, found bool True"),
        (bool, 1, "", "must be bool, found int 1"),
        (float, "x", "", "must be float, found str 'x'"),
        (str, None, "", "must be str, found nothing"),
        ([int], 5, "", "must be a list of int, found int 5"),
        ([int], [1, "x"], ".1", "must be int, found str 'x'"),
        (dict[str, int], {"a": "x"}, ".a", "must be int, found str 'x'"),
        (Map(str, int), {1: 1}, ".1", "must be str, found int 1"),
        (Map(str, int), [], "", "must be a mapping of str to int, found list []"),
        ({"max_rows": int}, 5, "", "must be a mapping, found int 5"),
        ({"max_rows": int}, {}, ".max_rows", "is required (int)"),
        ({"a": Field(int, description="how many")}, {}, ".a", 'is required (int, "how many")'),
        ({"a": {"b": {"c": int}}}, {}, ".a.b.c", "is required (int)"),
        (
            {"a": Field(int, 1)},
            {"z": 1},
            ".z",
            "is not a field of clean's config; its fields are a",
        ),
        ({}, {"z": 1}, ".z", "is not a field of clean's config, which has no fields"),
        ({"m": Field(int, 1)}, {1: 1}, ".1", "is not a field of clean's config; its fields are m"),
        (Selector({"a": int, "b": int}), {}, "", "must have exactly one of a, b, found 0 fields"),
        (Selector({"a": int, "b": int}), 5, "", "must be a mapping with one of a, b, found int 5"),
        (
            Selector({"aa": int, "b": int}),
            {"aaa": 1},
            ".aaa",
            "is not a field of clean's config; did you mean aa?",
        ),
        (
            Enum("M", [EnumValue("FAST")]),
            "FASTER",
            "",
            "must be one of FAST, found 'FASTER'; did you mean FAST?",
        ),
        (StringSource, 5, "", "must be str or {env: NAME}, found int 5"),
        (StringSource, {"env": 5}, "", "must be str or {env: NAME}, found dict {'env': 5}"),
    ],
)
def test_a_wrong_value_is_told_by_its_path(
    schema: object, value: object, path: str, message: str
) -> None:
    found = problems(job_with(schema), {"ops": {"clean": {"config": value}}})
    assert found == [(f"ops.clean.config{path}", message)]


def test_all_problems_are_told_at_once() -> None:
    made = job_with({"max_rows": Field(int, 5), "since": Field(str, description="first day")})
    config = {"ops": {"clean": {"config": {"max_row": 1, "max_rows": "x"}}, "clan": {}}, "op": {}}
    assert problems(made, config) == [
        ("ops.clean.config.max_rows", "must be int, found str 'x'"),
        ("ops.clean.config.since", 'is required (str, "first day")'),
        ("ops.clean.config.max_row", "is not a field of clean's config; did you mean max_rows?"),
        ("ops.clan", "is not a field of the run's ops; did you mean clean?"),
        ("op", "is not a field of the run config; did you mean ops?"),
    ]


def test_the_error_text_reads_as_sentences() -> None:
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        validate_run_config(job_with({"a": int}), {})
    assert str(caught.value) == (
        "the run config of job 'daily' is wrong: 1 problem\n  ops.clean.config.a is required (int)"
    )


@pytest.mark.parametrize("config", [5, [], "x"])
def test_a_run_config_that_is_no_mapping_is_refused(config: Any) -> None:
    with pytest.raises(OpweaveInvariantViolationError, match="give a dict or a RunConfig"):
        validate_run_config(job_with({}), config)


def test_a_run_config_of_endless_depth_is_refused() -> None:
    config: dict[str, Any] = {}
    for _ in range(500):
        config = {"a": config}
    made = job_with(dict)
    found = problems(made, {"ops": {"clean": {"config": config}}})
    assert found == [("", "is nested deeper than 100 levels")]


def test_config_of_ops_in_graphs_stands_below_the_graph() -> None:
    @op(config_schema={"a": int})
    def clean(context) -> int:  # type: ignore[no-untyped-def]
        return int(context.op_config["a"])

    @graph
    def part() -> Any:
        return clean()

    @job
    def daily() -> None:
        part()

    assert problems(daily, {}) == [("ops.part.ops.clean.config.a", "is required (int)")]
    config = {"ops": {"part": {"ops": {"clean": {"config": {"a": 4}}}}}}
    assert daily.execute_in_process(config).output_for_node("part") == 4


@op
def measure(rows: int, factor: float = 2.0, names: list[str] | None = None, anything=None) -> Any:  # type: ignore[no-untyped-def]
    return rows, factor, names, anything


@job
def measuring(rows: int) -> None:
    measure(rows)


def test_inputs_that_nothing_feeds_take_values_from_config() -> None:
    config = {"ops": {"measure": {"inputs": {"rows": {"value": 4}, "names": {"value": ["a"]}}}}}
    assert measuring.execute_in_process(config).output_for_node("measure") == (4, 2.0, ["a"], None)


def test_values_of_inputs_are_checked() -> None:
    config = {"ops": {"measure": {"inputs": {"rows": {"value": "x"}, "factr": {}}}}}
    assert problems(measuring, config) == [
        ("ops.measure.inputs.rows.value", "must be int, found str 'x'"),
        ("ops.measure.inputs.factr", "is not a field of measure's inputs; did you mean factor?"),
    ]


def test_a_required_input_without_a_value_is_told() -> None:
    assert problems(measuring, {}) == [("ops.measure.inputs.rows.value", "is required (int)")]


def test_environment_references_are_read_when_the_step_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = job_with({"token": StringSource, "size": IntSource, "on": BoolSource})
    config = {"ops": {"clean": {"config": {k: {"env": f"T_{k}"} for k in ("token", "size", "on")}}}}
    for name, value in (("T_token", "secret"), ("T_size", "4"), ("T_on", "true")):
        monkeypatch.setenv(name, value)
    result = made.execute_in_process(config)
    assert result.plan.run_config == config
    assert result.output_for_node("clean") == {"token": "secret", "size": 4, "on": True}


@pytest.mark.parametrize(
    ("value", "told"),
    [("x", "whose value is not int"), (None, "which is not set in the step's process")],
)
def test_a_variable_that_does_not_fit_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str | None, told: str
) -> None:
    monkeypatch.delenv("T_SIZE", raising=False)
    if value is not None:
        monkeypatch.setenv("T_SIZE", value)
    config = {"ops": {"clean": {"config": {"size": {"env": "T_SIZE"}}}}}
    result = job_with({"size": IntSource}).execute_in_process(config, raise_on_error=False)
    error = result.failures["clean"].error
    assert error is not None
    assert f"environment variable T_SIZE, {told}" in error.message


def test_the_choice_of_an_enum_reaches_the_op_as_its_python_value() -> None:
    result = job_with({"mode": Enum.from_python_enum(Mode)}).execute_in_process(
        {"ops": {"clean": {"config": {"mode": "SAFE"}}}}
    )
    assert result.output_for_node("clean") == {"mode": Mode.SAFE}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: Field(int, default_value="x"),
            "default of a config field is not of its type: it must be int",
        ),
        (lambda: Field(int, default_value=1, is_required=True), "cannot be required"),
        (
            lambda: Shape({"a": [int, str]}),
            "field a: a list in a config schema must hold exactly one type",
        ),
        (lambda: Shape({1: int}), "field names of a Shape must be texts"),  # type: ignore[dict-item]
        (lambda: Array(object()), "is no config schema"),
    ],
)
def test_a_wrong_schema_is_refused(make: Any, told: str) -> None:
    with pytest.raises(OpweaveInvalidConfigDefinitionError) as caught:
        make()
    assert told in str(caught.value)


@pytest.mark.parametrize("long", [True, False])
def test_the_value_of_an_input_may_stand_alone(long: bool) -> None:
    given = {"rows": 4, "names": ["a"], "anything": "x"}
    entries = {name: {"value": value} if long else value for name, value in given.items()}
    config = {"ops": {"measure": {"inputs": entries}}}
    result = measuring.execute_in_process(config)
    assert result.output_for_node("measure") == (4, 2.0, ["a"], "x")
    filled = validate_run_config(measuring, config)["ops"]["measure"]["inputs"]
    assert filled["rows"] == {"value": 4}


def test_a_value_that_stands_alone_is_checked() -> None:
    config = {"ops": {"measure": {"inputs": {"rows": "x", "names": [1], "factor": {}}}}}
    assert problems(measuring, config) == [
        ("ops.measure.inputs.rows", "must be int, found str 'x'"),
        ("ops.measure.inputs.names.0", "must be str, found int 1"),
    ]


def test_the_schema_of_an_input_tells_both_forms() -> None:
    schema = measuring.run_config_type().json_schema()
    inputs = schema["properties"]["ops"]["properties"]["measure"]["properties"]["inputs"]
    rows = inputs["properties"]["rows"]
    assert (rows["type"], rows["properties"]) == (
        ["object", "integer"],
        {"value": {"type": "integer"}},
    )
