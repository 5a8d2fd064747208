"""Contexts that tests of user code build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from opweave import (
    AssetMaterialization,
    Config,
    EnvVar,
    Field,
    OpDefinition,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    OpweaveUnknownResourceError,
    StringSource,
    build_op_context,
    op,
    resource,
)


@op(required_resource_keys={"db"})
def load(context: OpExecutionContext, x: int) -> str:
    context.log_event(AssetMaterialization("orders"))
    context.add_output_metadata({"rows": x})
    context.log.info("loaded")
    return f"{context.resources.db} {context.op_config} {context.run_tags} {context.retry_number}"


def test_an_op_runs_with_what_the_context_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    context = build_op_context(
        resources={"db": "d"}, op_config=4, run_tags={"a": "b"}, retry_number=2
    )
    assert load(context, 5) == "d 4 {'a': 'b'} 2"
    assert [e.event_type_value for e in context.events[-2:]] == [
        "ASSET_MATERIALIZATION",
        "LOG_MESSAGE",
    ]
    assert context.get_output_metadata() == {"rows": 5}


def test_resources_live_as_long_as_the_context() -> None:
    told = []

    @resource
    def db() -> Iterator[str]:
        told.append("up")
        yield "d"
        told.append("down")

    with build_op_context(resources={"db": db}) as context:
        assert context.resources.db == "d"
        assert told == ["up"]
    assert told == ["up", "down"]


def test_a_resource_that_was_not_given_is_named() -> None:
    with pytest.raises(OpweaveUnknownResourceError, match=r"'dbs'.*did you mean db"):
        build_op_context(resources={"db": 1}).resources.dbs  # noqa: B018


class Limits(Config):
    rows: int
    name: str = "all"


@op(config_schema={"rows": int, "name": Field(str, default_value="all")})
def by_schema(context: OpExecutionContext) -> Any:
    return context.op_config


@op
def by_class(context: OpExecutionContext, config: Limits) -> Any:
    return config.rows, config.name, context.op_config


def test_a_direct_call_fills_the_config_as_a_run_does() -> None:
    context = build_op_context(op_config={"rows": 3})
    filled = {"rows": 3, "name": "all"}
    assert by_schema(context) == filled
    assert by_class(context) == (3, "all", filled)
    assert by_class(build_op_context(config=Limits(rows=3))) == (3, "all", filled)
    assert by_class(build_op_context(), Limits(rows=3)) == (3, "all", filled)


@pytest.mark.parametrize("called", [by_schema, by_class])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rows": "z"}, r"config\.rows must be int, found str 'z'"),
        ({"rows": 1, "nam": "x"}, r"config\.nam is not a field of.*did you mean name"),
        ({}, r"config\.rows is required"),
        (None, r"config\.rows is required"),
        (4, r"config must be a mapping, found int 4"),
    ],
)
def test_a_direct_call_refuses_a_config_that_a_run_refuses(
    called: OpDefinition[..., Any], given: object, told: str
) -> None:
    with pytest.raises(OpweaveInvalidConfigError, match=told):
        called(build_op_context(op_config=given))


def test_a_direct_call_reads_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    @op(config_schema=StringSource)
    def shout(context: OpExecutionContext) -> Any:
        return context.op_config

    monkeypatch.setenv("WORD", "hey")
    assert shout(build_op_context(op_config=EnvVar("WORD"))) == "hey"
