"""Types that stand for Python classes."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import (
    In,
    OpweaveInvalidDefinitionError,
    OpweaveType,
    OpweaveTypeCheckDidNotPass,
    Out,
    PythonObjectOpweaveType,
    check_opweave_type,
    job,
    make_python_type_usable_as_opweave_type,
    op,
    usable_as_opweave_type,
)


class Table:
    """Rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows


class FullTable(Table):
    """Rows, at least one."""


make_python_type_usable_as_opweave_type(
    FullTable,
    OpweaveType(lambda _, v: isinstance(v, FullTable) and v.rows > 0, name="FullTable with rows"),
)


@usable_as_opweave_type(name="Sheet")
class Paper:
    """A sheet of paper."""


def test_a_value_is_an_instance_of_the_class() -> None:
    """Or of one of several; subclasses count."""
    table = PythonObjectOpweaveType(Table, name="AnyTable")
    assert check_opweave_type(table, FullTable(0)).success
    verdict = check_opweave_type(table, 3)
    assert (verdict.success, "AnyTable" in str(verdict.description)) == (False, True)
    either = PythonObjectOpweaveType((Table, int))
    assert either.name == "Table or int"
    assert check_opweave_type(either, 3).success
    assert not check_opweave_type(either, "3").success


def test_an_annotation_means_the_type_that_its_class_is_registered_for() -> None:
    """In parameters, results and declarations, so that its check decides when a step runs."""

    @op
    def load() -> FullTable:
        return FullTable(0)

    @op(ins={"sheet": In(Paper)}, out=Out(Paper))
    def copy(sheet: Any) -> Any:
        return sheet

    assert load.outputs["result"].type.name == "FullTable with rows"
    assert {copy.inputs["sheet"].type.name, copy.outputs["result"].type.name} == {"Sheet"}
    assert copy.inputs["sheet"].type.description == "A sheet of paper."

    @job
    def daily() -> None:
        load()

    with pytest.raises(OpweaveTypeCheckDidNotPass, match=r"'load'.*FullTable with rows"):
        daily.execute_in_process()


def test_a_class_means_one_type() -> None:
    """Registering it for another is refused; for the same it changes nothing."""
    other = PythonObjectOpweaveType(Paper, name="Other")
    with pytest.raises(OpweaveInvalidDefinitionError, match="means the type 'Sheet' already"):
        make_python_type_usable_as_opweave_type(Paper, other)


@pytest.mark.parametrize("given", ["Table", (), (1,)])
def test_what_is_no_class_is_refused(given: Any) -> None:
    """With what to give."""
    with pytest.raises(OpweaveInvalidDefinitionError, match="class"):
        PythonObjectOpweaveType(given)
    with pytest.raises(OpweaveInvalidDefinitionError, match="class"):
        usable_as_opweave_type(given)
