"""Checked by mypy and never run: `op` keeps the signature of the body, less what opweave passes itself.

Each ignore marks a use that must be refused; an ignore that is not needed is an error (``warn_unused_ignores``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from opweave import (
    Config,
    ConfigurableResource,
    In,
    Nothing,
    OpExecutionContext,
    Out,
    Output,
    RetryPolicy,
    build_op_context,
    op,
)


class LoadConfig(Config):
    rows: int = 1


class Warehouse(ConfigurableResource):
    url: str


@op
def one() -> int:
    return 1


@op
def add(x: int, y: int = 2) -> int:
    return x + y


@op(tags={"team": "x"}, retry_policy=RetryPolicy(3))
def name(x: int) -> str:
    return str(x)


@op
def with_context(context: OpExecutionContext, x: int) -> str:
    return context.run_id + str(x)


@op(out=Out(description="sum"))
def with_config(config: LoadConfig, x: int) -> int:
    return config.rows + x


@op
def with_both(context: OpExecutionContext, config: LoadConfig, x: int) -> int:
    return config.rows + x


@op
def with_resource(context: OpExecutionContext, warehouse: Warehouse, x: int) -> int:
    return x


@op
def total(xs: list[int]) -> int:
    return sum(xs)


@op
def several() -> Iterator[Output[int]]:
    yield Output(1)


@op
def later() -> AsyncIterator[Output[int]]:
    raise NotImplementedError


@op
async def awaited() -> int:
    return 1


@op
def wrapped() -> Output[int]:
    return Output(1)


@op
def show(x: Any) -> str:
    return str(x)


@op(ins={"start": In(Nothing)})
def after() -> int:
    return 1


def uses_that_fit() -> None:
    assert_type(one(), int)
    assert_type(add(one()), int)
    assert_type(add(one(), y=one()), int)
    assert_type(name(add(1)), str)
    assert_type(with_context(1), str)
    assert_type(with_config(one()), int)
    assert_type(with_both(one()), int)
    assert_type(with_resource(one()), int)
    assert_type(total([one(), add(1)]), int)
    assert_type(after(start=[one(), name(1)]), int)
    show(one())
    assert_type(several(), Any)
    assert_type(later(), Any)
    assert_type(awaited(), Any)
    assert_type(wrapped(), Any)
    add.alias("other")(one())


def direct_calls_that_fit() -> None:
    context = build_op_context()
    with_context(context, 1)
    with_config(LoadConfig(rows=2), 1)
    with_both(context, LoadConfig(rows=2), 1)


def uses_that_do_not_fit() -> None:
    add()  # type: ignore[call-overload]
    add("x")  # type: ignore[call-overload]
    add(name(1))  # type: ignore[call-overload]
    add(1, z=2)  # type: ignore[call-overload]
    name(1, 2)  # type: ignore[call-overload]
    with_context("x")  # type: ignore[call-overload]
    with_config(name(1))  # type: ignore[call-overload]
    total(one())  # type: ignore[call-overload]
    total([name(1)])  # type: ignore[list-item]
    text: str = one()  # type: ignore[assignment]
    del text


@op(out=5)  # type: ignore[call-overload, untyped-decorator]
def wrong_out() -> int:
    return 1


@op(retries=3)  # type: ignore[call-overload, untyped-decorator]
def wrong_option() -> int:
    return 1


op(5)  # type: ignore[call-overload]
