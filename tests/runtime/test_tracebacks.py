"""Errors as text."""

from __future__ import annotations

import traceback

import pytest

from opweave import Config, op
from opweave.tracebacks import MAX_CHARACTERS, user_traceback


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001  # whatever is given
        return caught


def test_an_error_of_the_users_reads_as_python_prints_it() -> None:
    error = raised(ValueError("two\nlines"))
    error.add_note("a note")
    assert user_traceback(error) == "".join(traceback.format_exception(error))


def test_an_error_that_was_never_raised_has_no_heading() -> None:
    assert user_traceback(ValueError("x")) == "ValueError: x\n"


def test_members_of_a_group_are_told_with_their_frames() -> None:
    inner = ExceptionGroup("inner", [raised(KeyError("a"))])
    error = raised(ExceptionGroup("many", [inner, ValueError("b")]))
    text = user_traceback(error, with_causes=False)
    assert "ExceptionGroup: many (2 sub-exceptions)" in text
    assert "| KeyError: 'a'" in text
    assert "| ValueError: b" in text
    assert text.count("in raised") == 2


def test_frames_of_opweave_are_left_out_of_groups_and_causes() -> None:
    class Limits(Config):
        rows: int

    @op
    def fail(config: Limits) -> None:
        raise ExceptionGroup("many", [ValueError("x")])

    with pytest.raises(ExceptionGroup) as told:
        fail(Limits(rows=1))
    error = raised(ExceptionGroup("outer", [told.value]))
    text = user_traceback(error)
    assert "in fail" in text
    assert "runtime/opweave" not in text


def test_a_text_without_end_is_cut_and_keeps_its_end() -> None:
    text = user_traceback(raised(ValueError("x" * 100_000 + "\nlast")))
    assert len(text) < MAX_CHARACTERS + 100
    assert text.endswith("last\n")


def test_deep_recursion_is_told_by_its_beginning_and_its_end() -> None:
    def down(depth: int) -> None:
        if depth:
            up(depth - 1)
        raise ValueError("deep")

    def up(depth: int) -> None:
        down(depth)

    with pytest.raises(ValueError, match="deep") as told:
        down(300)
    text = user_traceback(told.value)
    assert text.count("in down") == 50
    assert text.endswith("ValueError: deep\n")


def test_a_hostile_error_is_told_all_the_same() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert "Odd: <exception str() failed>" in user_traceback(raised(Odd()))
    Odd.__module__ = None  # type: ignore[assignment]
    assert "Odd" in user_traceback(raised(Odd()))
