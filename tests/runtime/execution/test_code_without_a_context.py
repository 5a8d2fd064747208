"""What a body may use that its context does not pass, and what the context tells of its place."""

from __future__ import annotations

import io
import logging
import threading
from typing import Any

import pytest

from opweave import (
    EventType,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    OpweaveInvariantViolationError,
    build_op_context,
    get_opweave_logger,
    graph,
    job,
    make_values_resource,
    op,
)


def test_the_logger_of_code_without_a_context_reaches_the_run() -> None:
    def work() -> None:
        get_opweave_logger("shop").debug("%d rows", 3)

    @op
    def load() -> None:
        work()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    @job
    def daily() -> None:
        load()

    told = daily.execute_in_process().get_events_of_type(EventType.LOG_MESSAGE)
    assert [(e.message, e.step_key, e.payload["level"]) for e in told] == [
        ("3 rows", "load", "DEBUG")
    ] * 2
    assert told[0].payload["logger"] == "opweave.user.shop"


def test_outside_of_a_step_it_is_a_logger_as_any() -> None:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    try:
        get_opweave_logger().info("alone")
    finally:
        logging.getLogger().removeHandler(handler)
    assert text.getvalue() == "alone\n"


def test_values_are_shared_by_config() -> None:
    @op(required_resource_keys={"settings"})
    def load(context: OpExecutionContext) -> Any:
        return context.resources.settings.rows, context.resources.settings.name

    @job(resource_defs={"settings": make_values_resource(rows=int, name=str)})
    def daily() -> None:
        load()

    config = {"resources": {"settings": {"config": {"rows": 3, "name": "a"}}}}
    assert daily.execute_in_process(config).output_for_node("load") == (3, "a")
    with pytest.raises(OpweaveInvalidConfigError, match="rows is required"):
        daily.execute_in_process()


@op(tags={"team": "x"})
def where(context: OpExecutionContext) -> Any:
    return context.op.name, context.op.definition, context.op.tags, str(context.op_handle)


def test_a_context_tells_where_its_op_stands() -> None:
    @op
    def job_name(context: OpExecutionContext) -> str:
        return context.job_def.name

    @graph
    def part() -> Any:
        return where.alias("there")()

    @job
    def daily() -> None:
        part()
        job_name()

    result = daily.execute_in_process()
    told = ("there", where, {"team": "x"}, "part.there")
    assert result.output_for_node("part.there") == told
    assert result.output_for_node("job_name") == "daily"
    assert {e.step_key for e in result.all_node_events} == {"part.there", "job_name"}
    assert where(build_op_context()) == ("where", where, {}, "where")
    with pytest.raises(OpweaveInvariantViolationError, match="belongs to no job"):
        job_name(build_op_context())
