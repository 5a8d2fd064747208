"""Op selections."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import OpweaveInvalidSubsetError, graph, job, op
from opweave.definitions.selection import select
from opweave.execution.plan import build_plan


@op
def step(x: int = 1, y: int = 1) -> int:
    return x + y


@graph
def inner(x: int) -> Any:
    return step.alias("second")(step.alias("first")(x))


@job
def diamond() -> None:
    a = step.alias("a")()
    b = step.alias("b")(a)
    c = inner.alias("c")(a)
    d = step.alias("d")(b, c)
    step.alias("e")(d)


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        ([], "a b c.first c.second d e"),
        (["*"], "a b c.first c.second d e"),
        (["b"], "b"),
        (["c"], "c.first c.second"),
        (["c.*"], "c.first c.second"),
        (["c.first"], "c.first"),
        (["*d"], "a b c.first c.second d"),
        (["+d"], "b c.second d"),
        (["++d"], "a b c.first c.second d"),
        (["b*"], "b d e"),
        (["b+"], "b d"),
        (["+b+"], "a b d"),
        (["b", "e"], "b e"),
    ],
)
def test_a_selection_gives_these_ops(queries: list[str], expected: str) -> None:
    assert sorted(select(diamond.structure, queries)) == expected.split()


@pytest.mark.parametrize("query", ["nope", "", "a b", "++", "c.", "*b*c", "x" * 10_000])
def test_a_selection_of_nothing_is_refused(query: str) -> None:
    with pytest.raises(OpweaveInvalidSubsetError):
        select(diamond.structure, [query])


def test_a_misspelt_op_suggests_the_closest() -> None:
    with pytest.raises(OpweaveInvalidSubsetError, match=r"did you mean c\.second"):
        select(diamond.structure, ["c.seconds"])


def test_a_text_in_place_of_a_list_is_refused_with_the_list() -> None:
    @op
    def clean() -> None: ...

    @job
    def daily() -> None:
        clean()

    for run in (
        lambda: daily.execute_in_process(op_selection="clean"),
        lambda: build_plan(daily, op_selection="clean"),
    ):
        with pytest.raises(OpweaveInvalidSubsetError, match=r"op_selection=\['clean'\]"):
            run()
    with pytest.raises(OpweaveInvalidSubsetError, match="int 5: give a list"):
        build_plan(daily, op_selection=5)  # type: ignore[arg-type]
