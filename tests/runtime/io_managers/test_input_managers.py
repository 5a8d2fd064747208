"""Input managers: what they load, what they know, what run config may tell them."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import (
    In,
    InputContext,
    InputManager,
    InputManagerDefinition,
    IOManager,
    OpweaveExecutionLoadInputError,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    OpweaveInvariantViolationError,
    OutputContext,
    build_input_context,
    input_manager,
    io_manager,
    job,
    op,
    resource,
)


@op
def one() -> int:
    return 1


def test_an_input_that_nothing_feeds_is_loaded_by_its_manager() -> None:
    seen: list[Any] = []

    @input_manager(
        config_schema={"table": str},
        input_config_schema={"limit": int},
        required_resource_keys={"warehouse"},
    )
    def table(context: InputContext) -> list[int]:
        """Read a table."""
        seen.append((context.name, context.metadata, context.upstream_output))
        seen.append((context.resource_config, context.config))
        return list(context.resources.warehouse)[: context.config["limit"]]

    @op(ins={"rows": In(input_manager_key="table", metadata={"of": "orders"}, default_value=[])})
    def count(rows: list[int]) -> int:
        return len(rows)

    @job(resource_defs={"table": table, "warehouse": resource(lambda _: [1, 2, 3])})
    def daily() -> None:
        count()

    config = {
        "resources": {"table": {"config": {"table": "orders"}}},
        "ops": {"count": {"inputs": {"rows": {"limit": 2}}}},
    }
    assert daily.execute_in_process(config).output_for_node("count") == 2
    assert seen == [
        ("rows", {"of": "orders"}, None),
        ({"table": "orders"}, {"limit": 2}),
    ]
    assert table.description == "Read a table."
    assert isinstance(table, InputManagerDefinition)
    with pytest.raises(OpweaveInvalidConfigError, match="limit"):
        daily.execute_in_process({"resources": config["resources"]})


def test_it_loads_in_place_of_the_io_manager_upstream() -> None:
    class Ten(InputManager):
        def load_input(self, context: InputContext) -> int:
            assert context.upstream_output is not None
            return 10 + len(context.upstream_output.step_key)

    @op(ins={"value": In(input_manager_key="ten")})
    def same(value: int) -> int:
        return value

    @job(resource_defs={"ten": Ten()})
    def daily() -> None:
        same(one())

    assert daily.execute_in_process().output_for_node("same") == 13


def test_its_error_names_the_input_and_the_manager() -> None:
    @input_manager
    def broken() -> int:
        raise ValueError("no such table")

    @op(ins={"value": In(input_manager_key="broken")})
    def same(value: int) -> int:
        return value

    @job(resource_defs={"broken": broken, "text": resource(lambda _: "x")})
    def daily() -> None:
        same()

    result = daily.execute_in_process(raise_on_error=False)
    failure = result.failure_for_node("same") if hasattr(result, "failure_for_node") else None
    assert not result.success
    assert failure is None or failure.reason == "InputNotLoaded"
    with pytest.raises(ValueError, match="no such table"):
        daily.execute_in_process()


def test_a_resource_that_cannot_load_is_told_as_such() -> None:
    @op(ins={"value": In(input_manager_key="text")})
    def same(value: int) -> int:
        return value

    @job(resource_defs={"text": resource(lambda _: "x")})
    def daily() -> None:
        same()

    with pytest.raises(
        (OpweaveExecutionLoadInputError, OpweaveInvariantViolationError), match="input manager"
    ):
        daily.execute_in_process()


def test_an_unknown_manager_is_found_when_the_job_is_planned() -> None:
    @op(ins={"value": In(input_manager_key="tables")})
    def same(value: int) -> int:
        return value

    @job(resource_defs={"table": InputManagerDefinition(lambda: None)})
    def daily() -> None:
        same()

    with pytest.raises(OpweaveInvalidDefinitionError, match="did you mean"):
        daily.execute_in_process()


def test_run_config_tells_an_io_manager_of_each_output_and_input() -> None:
    seen: list[Any] = []

    class Store(IOManager):
        def handle_output(self, context: OutputContext, obj: Any) -> None:
            seen.append(("stored", context.config, context.resource_config))

        def load_input(self, context: InputContext) -> int:
            seen.append(("loaded", context.config, context.resource_config))
            return 7

    @io_manager(
        config_schema={"bucket": str},
        output_config_schema={"format": str},
        input_config_schema={"columns": [str]},
    )
    def store() -> IOManager:
        return Store()

    @op
    def same(value: int) -> None:
        assert value == 7

    @job(resource_defs={"io_manager": store})
    def daily() -> None:
        same(one())

    config = {
        "resources": {"io_manager": {"config": {"bucket": "b"}}},
        "ops": {
            "one": {"outputs": {"result": {"format": "csv"}}},
            "same": {
                "inputs": {"value": {"columns": ["a"]}},
                "outputs": {"result": {"format": "json"}},
            },
        },
    }
    assert daily.execute_in_process(config).success
    assert seen[:2] == [
        ("stored", {"format": "csv"}, {"bucket": "b"}),
        ("loaded", {"columns": ["a"]}, {"bucket": "b"}),
    ]


def test_an_input_of_nothing_has_no_identifier() -> None:
    @input_manager
    def named(context: InputContext) -> list[str]:
        return context.get_identifier()

    @op(ins={"value": In(input_manager_key="named")})
    def same(value: Any) -> None:
        del value

    @job(resource_defs={"named": named})
    def daily() -> None:
        same()

    with pytest.raises(OpweaveInvariantViolationError, match="no identifier"):
        daily.execute_in_process()


def test_a_context_for_a_test_has_an_upstream_output() -> None:
    assert build_input_context().get_identifier() == ["EPHEMERAL", "op", "result"]
