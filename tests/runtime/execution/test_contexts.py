"""Contexts that tests of user code build."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opweave import (
    AssetMaterialization,
    OpExecutionContext,
    OpweaveUnknownResourceError,
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
