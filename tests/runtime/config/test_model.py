"""Config classes: pydantic's models, checked strictly and told in our words."""

from __future__ import annotations

import datetime
import enum
from typing import Any, Literal

import pydantic
import pytest

from opweave import (
    Config,
    JobDefinition,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    PermissiveConfig,
    RunConfig,
    job,
    op,
    validate_run_config,
)


class Mode(enum.Enum):
    FAST = "fast"
    SAFE = "safe"


class Window(Config):
    days: int = 3


class CleanConfig(Config):
    since: datetime.date = pydantic.Field(description="first day to load")
    max_rows: int = 5
    mode: Mode = Mode.FAST
    unit: Literal["m", "km"] = "m"
    window: Window = Window()
    names: list[str] = pydantic.Field(default=[])
    limit: int | None = None

    @pydantic.field_validator("max_rows")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value <= 0:
            raise ValueError("it must be above 0")
        return value


@op
def clean(context: OpExecutionContext, config: CleanConfig) -> Any:
    return config, context.op_config


@job
def daily() -> None:
    clean()


def run_config(**config: Any) -> dict[str, Any]:
    return {"ops": {"clean": {"config": {"since": "2026-01-01", **config}}}}


def test_defaults_are_filled_and_the_body_gets_the_object() -> None:
    result = daily.execute_in_process(run_config(window={}))
    config, plain = result.output_for_node("clean")
    assert config == CleanConfig(since=datetime.date(2026, 1, 1))
    assert plain == {
        "since": "2026-01-01",
        "max_rows": 5,
        "mode": "fast",
        "unit": "m",
        "window": {"days": 3},
        "names": [],
        "limit": None,
    }
    assert result.plan.run_config == {"ops": {"clean": {"config": plain}}}


def test_an_object_stands_for_its_config() -> None:
    config = RunConfig(ops={"clean": CleanConfig(since=datetime.date(2026, 1, 2), mode=Mode.SAFE)})
    made, _ = daily.execute_in_process(config).output_for_node("clean")
    assert (made.since, made.mode) == (datetime.date(2026, 1, 2), Mode.SAFE)


def test_a_date_that_yaml_has_read_is_accepted() -> None:
    assert validate_run_config(daily, run_config(since=datetime.date(2026, 1, 2)))


@pytest.mark.parametrize(
    ("config", "path", "message", "code"),
    [
        (
            {"max_row": 1},
            "max_row",
            "is not a field of clean's config; did you mean max_rows?",
            "UNKNOWN_FIELD",
        ),
        ({"max_rows": "5"}, "max_rows", "must be int, found str '5'", "WRONG_TYPE"),
        ({"max_rows": 0}, "max_rows", "is refused: it must be above 0", "INVALID_VALUE"),
        ({"mode": "slow"}, "mode", "must be 'fast' or 'safe', found str 'slow'", "INVALID_VALUE"),
        ({"unit": "cm"}, "unit", "must be 'm' or 'km', found str 'cm'", "INVALID_VALUE"),
        ({"window": {"days": "x"}}, "window.days", "must be int, found str 'x'", "WRONG_TYPE"),
        (
            {"window": {"day": 1}},
            "window.day",
            "is not a field of window; did you mean days?",
            "UNKNOWN_FIELD",
        ),
        ({"names": ["a", 1]}, "names.1", "must be str, found int 1", "WRONG_TYPE"),
        ({"limit": "x"}, "limit", "must be int or null, found str 'x'", "WRONG_TYPE"),
    ],
)
def test_a_wrong_value_is_told_in_our_words(
    config: dict[str, Any], path: str, message: str, code: str
) -> None:
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        validate_run_config(daily, run_config(**config))
    (problem,) = caught.value.problems
    assert (".".join(problem.path), problem.message, problem.code) == (
        f"ops.clean.config.{path}",
        message,
        code,
    )


def test_a_missing_field_is_told_with_type_and_meaning() -> None:
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        validate_run_config(daily, {})
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (
        ("ops", "clean", "config", "since"),
        'is required (date, "first day to load")',
    )


def test_a_permissive_class_keeps_other_fields() -> None:
    class Free(PermissiveConfig):
        a: int = 1

    @op
    def load(context: OpExecutionContext, config: Free) -> Any:
        return context.op_config

    @job
    def weekly() -> None:
        load()

    config = {"ops": {"load": {"config": {"z": [1]}}}}
    assert weekly.execute_in_process(config).output_for_node("load") == {"a": 1, "z": [1]}


def test_a_validator_that_raises_something_else_is_a_problem_and_no_crash() -> None:
    class Bad(Config):
        a: int

        @pydantic.field_validator("a")
        @classmethod
        def _broken(cls, value: int) -> int:
            raise ZeroDivisionError("oops")

    @op
    def load(config: Bad) -> None:
        pass

    @job
    def weekly() -> None:
        load()

    with pytest.raises(
        OpweaveInvalidConfigError, match="could not be checked: ZeroDivisionError: oops"
    ):
        validate_run_config(weekly, {"ops": {"load": {"config": {"a": 1}}}})


def test_a_secret_default_is_not_written_down() -> None:
    class Login(Config):
        name: str = "x"
        password: pydantic.SecretStr = pydantic.SecretStr("hunter2")

    @op
    def load(config: Login) -> str:
        return config.password.get_secret_value()

    @job
    def weekly() -> None:
        load()

    result = weekly.execute_in_process()
    assert result.plan.run_config == {"ops": {"load": {"config": {"name": "x"}}}}
    assert result.output_for_node("load") == "hunter2"


class Tree(Config):
    name: str = "x"
    children: list[Tree] = pydantic.Field(default=[])


def test_a_class_that_contains_itself_has_a_finite_schema() -> None:
    @op
    def load(config: Tree) -> None:
        pass

    @job
    def weekly() -> None:
        load()

    schema = weekly.run_config_type().json_schema()
    assert len(str(schema)) < 20_000
    assert "$ref" not in str(schema)


def described(made: JobDefinition) -> Any:
    ops = made.run_config_type().json_schema()["properties"]["ops"]
    return ops["properties"]["clean"]["properties"]["config"]


def test_the_json_schema_has_types_defaults_and_descriptions() -> None:
    schema = described(daily)
    assert schema["properties"]["since"]["description"] == "first day to load"
    assert schema["properties"]["max_rows"]["default"] == 5
    assert schema["properties"]["mode"]["enum"] == ["fast", "safe"]
    assert schema["required"] == ["since"]
