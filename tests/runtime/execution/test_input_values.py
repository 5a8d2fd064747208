"""Values that callers give to the inputs of jobs and graphs."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import OpweaveInvalidDefinitionError, OpweaveTypeCheckDidNotPass, graph, job, op


class Table:
    def __init__(self, rows: int) -> None:
        self.rows = rows


@op
def count(table: Table) -> int:
    return table.rows


@op
def double(x: int) -> int:
    return 2 * x


@op
def total(xs: list[int]) -> int:
    return sum(xs)


@graph
def doubled(x: int) -> Any:
    return double(x)


@job
def outer(x: int) -> Any:
    return doubled(x)


def test_a_job_takes_values_for_its_inputs() -> None:
    assert outer.execute_in_process(input_values={"x": 4}).output_value() == 8


def test_a_graph_takes_values_that_no_run_config_can_hold() -> None:
    @graph
    def counted(table: Table) -> Any:
        return double(count(table))

    assert counted.execute_in_process(input_values={"table": Table(3)}).output_value() == 6
    made = counted.to_job(input_values={"table": Table(5)})
    assert made.execute_in_process().output_value() == 10
    again = made.execute_in_process(input_values={"table": Table(7)})
    assert again.output_value() == 14


def test_values_stand_in_lists() -> None:
    @graph
    def summed(x: int, y: int) -> Any:
        return total([x, y])

    assert summed.execute_in_process(input_values={"x": 1, "y": 2}).output_value() == 3
    with pytest.raises(OpweaveInvalidDefinitionError, match="give all of its members"):
        summed.execute_in_process(input_values={"x": 1})


def test_a_value_is_checked_as_any_input() -> None:
    with pytest.raises(OpweaveTypeCheckDidNotPass, match=r"input 'x' of 'doubled\.double'"):
        outer.execute_in_process(input_values={"x": "four"})


def test_a_value_for_no_input_is_refused() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match=r"'xx'.*did you mean x"):
        outer.execute_in_process(input_values={"xx": 4})
