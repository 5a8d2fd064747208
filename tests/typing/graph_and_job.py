"""Checked by mypy and never run: graphs keep the signature of their body, jobs are what runs."""

from __future__ import annotations

from typing import Any, assert_type

from opweave import (
    ConfigurableResource,
    Definitions,
    EnvVar,
    ExecuteInProcessResult,
    GraphIn,
    JobDefinition,
    RunConfig,
    graph,
    job,
    op,
)


class Warehouse(ConfigurableResource):
    url: str
    port: int = 5432


@op
def one() -> int:
    return 1


@op
def add(x: int) -> int:
    return x + 1


@graph
def part(x: int) -> int:
    return add(add(x))


@graph(ins={"x": GraphIn(description="start")})
def described(x: int) -> int:
    return add(x)


@job
def daily() -> None:
    assert_type(part(one()), int)
    described(part(one()))


@job(
    tags={"team": "x"},
    config={"ops": {}},
    resource_defs={"warehouse": Warehouse(url=EnvVar("URL"))},
)
def weekly() -> None:
    part(one())


def uses_that_fit() -> None:
    assert_type(daily, JobDefinition)
    assert_type(weekly.execute_in_process(), ExecuteInProcessResult)
    daily.execute_in_process(RunConfig(ops={"add": {}}), raise_on_error=False)
    Definitions(
        jobs=[daily, part], resources={"warehouse": Warehouse(url="x", port=EnvVar.int("PORT"))}
    )
    made: JobDefinition = part.to_job(input_values={"x": 1})
    made.execute_in_process(input_values={"x": 2})
    value: Any = made.execute_in_process().output_value()
    del value


def uses_that_do_not_fit() -> None:
    part()  # type: ignore[call-arg]
    part("x")  # type: ignore[arg-type]
    part(1, y=2)  # type: ignore[call-arg]
    daily()  # type: ignore[operator]
    daily.execute_in_process(5)  # type: ignore[arg-type]
    Definitions(jobs=[one])  # type: ignore[list-item]
    Warehouse(url=5)  # type: ignore[arg-type]
    job(tags=5)  # type: ignore[call-overload]
