"""Outputs in memory."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import (
    InMemoryIOManager,
    OpweaveInvariantViolationError,
    build_input_context,
    build_output_context,
    job,
    mem_io_manager,
    op,
)


def test_the_object_itself_is_kept() -> None:
    manager, value = InMemoryIOManager(), object()
    context = build_output_context(mapping_key="k")
    manager.handle_output(context, value)
    assert manager.load_input(build_input_context(context)) is value


def test_what_another_process_kept_is_not_there() -> None:
    with pytest.raises(OpweaveInvariantViolationError, match="it lives in one process"):
        InMemoryIOManager().load_input(build_input_context())


def test_each_run_has_a_memory_of_its_own() -> None:
    @op
    def load() -> object:
        return object()

    @op
    def same(x: Any) -> int:
        return id(x)

    @job(resource_defs={"io_manager": mem_io_manager})
    def daily() -> None:
        same(load())

    assert daily.execute_in_process().success
