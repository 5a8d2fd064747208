"""Types of values: what an annotation accepts at run time."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol, TypeVar

import pytest

from opweave import Nothing, OpweaveType, TypeCheck
from opweave.definitions.types import resolve_type


class Quacks(Protocol):
    def quack(self) -> None: ...


T = TypeVar("T")


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 1),
        (float, 1),
        (float, 1.5),
        (Any, object()),
        (object, None),
        (int | None, None),
        (int | str, "x"),
        (list[int], [1, 2]),
        (list[float], [1, 2.5]),
        (dict[str, list[int]], {"a": [1]}),
        (tuple[int, str], (1, "x")),
        (tuple[int, ...], (1, 2, 3)),
        (set[str], {"a"}),
        (Literal["a", "b"], "a"),
        (Annotated[int, "rows"], 3),
        (Quacks, 5),
        (T, 5),
        (list[Any], [object()]),
        (type[int], int),
    ],
)
def test_a_value_of_the_type_passes(annotation: Any, value: Any) -> None:
    assert resolve_type(annotation).type_check(None, value).success


@pytest.mark.parametrize(
    ("annotation", "value", "told"),
    [
        (int, "x", "expected int, found str 'x'"),
        (float, True, "expected float, found bool True"),
        (float, "1", "expected float, found str '1'"),
        (int | str, 1.5, "expected int | str, found float 1.5"),
        (list[int], [1, "x"], "expected int, found str 'x' at [1]"),
        (dict[str, list[int]], {"a": [1, None]}, "expected int, found nothing at ['a'][1]"),
        (dict[str, int], {1: 1}, "expected str, found int 1 at  key 1"),
        (tuple[int, str], (1,), "expected a tuple of 2, found 1 members"),
        (tuple[int, str], (1, 2), "expected str, found int 2 at [1]"),
        (Literal["a"], "b", "expected Literal['a'], found str 'b'"),
        (list[int], "abc", "expected list, found str 'abc'"),
        (None, 5, "expected Nothing, found int 5"),
        (int, Unshowable(), "expected int, found Unshowable (cannot be shown)"),
    ],
)
def test_a_value_of_another_type_fails_with_its_place(
    annotation: Any, value: Any, told: str
) -> None:
    check = resolve_type(annotation).type_check(None, value)
    assert (check.success, check.description) == (False, told)


def test_a_long_value_is_cut_in_the_message() -> None:
    description = resolve_type(int).type_check(None, "x" * 10_000).description
    assert description is not None
    assert len(description) < 150


def test_users_declare_types_by_a_function() -> None:
    positive = OpweaveType(lambda _, value: value > 0, "Positive")
    assert [positive.type_check(None, v).success for v in (1, -1)] == [True, False]


def test_a_type_may_say_why_and_with_what_metadata() -> None:
    odd = OpweaveType(lambda _, v: TypeCheck(v % 2 == 1, "must be odd", {"value": v}), "Odd")
    check = odd.type_check(None, 4)
    assert (check.success, check.description, check.metadata) == (
        False,
        "must be odd",
        {"value": 4},
    )


def test_nothing_is_one_type() -> None:
    assert resolve_type(Nothing) is resolve_type(None)
