"""Resource classes: their config, their life, and secrets that stay in the process."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

from opweave import (
    ConfigurableIOManager,
    ConfigurableResource,
    Definitions,
    EnvVar,
    InitResourceContext,
    InputContext,
    JobDefinition,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    OutputContext,
    ResourceParam,
    RunConfig,
    job,
    op,
    validate_run_config,
)


class Warehouse(ConfigurableResource):
    url: str
    port: int = 5432
    password: pydantic.SecretStr = pydantic.SecretStr("none")

    def address(self) -> str:
        return f"{self.url}:{self.port}:{self.password.get_secret_value()}"


class Repository(ConfigurableResource):
    warehouse: Warehouse
    table: str = "orders"


@op
def load(warehouse: Warehouse) -> str:
    return warehouse.address()


@job
def daily() -> None:
    load()


def bound(resource: object) -> JobDefinition:
    return Definitions(jobs=[daily], resources={"warehouse": resource}).get_job_def("daily")


def test_an_annotated_parameter_is_a_request_for_the_resource() -> None:
    result = bound(Warehouse(url="pg")).execute_in_process()
    assert result.output_for_node("load") == "pg:5432:none"


def test_run_config_replaces_values_given_in_code() -> None:
    config = {"resources": {"warehouse": {"config": {"port": 1}}}}
    result = bound(Warehouse(url="pg")).execute_in_process(config)
    assert result.output_for_node("load") == "pg:1:none"


def test_a_resource_object_stands_for_its_config_in_a_run_config() -> None:
    config = RunConfig(resources={"warehouse": Warehouse(url="other")})
    result = bound(Warehouse(url="pg")).execute_in_process(config)
    assert result.output_for_node("load") == "other:5432:none"


def test_a_resource_configured_at_launch_requires_config() -> None:
    made = bound(Warehouse.configure_at_launch())
    with pytest.raises(
        OpweaveInvalidConfigError, match=r"resources.warehouse.config.url is required \(str"
    ):
        validate_run_config(made)
    config = {"resources": {"warehouse": {"config": {"url": "late"}}}}
    assert made.execute_in_process(config).output_for_node("load") == "late:5432:none"


def test_a_reference_stays_one_until_the_step_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    made = bound(Warehouse(url=EnvVar("SHOP_URL"), port=EnvVar.int("SHOP_PORT")))
    planned = validate_run_config(made)
    assert planned["resources"]["warehouse"]["config"] == {
        "url": {"env": "SHOP_URL"},
        "port": {"env": "SHOP_PORT"},
    }
    monkeypatch.setenv("SHOP_URL", "pg")
    monkeypatch.setenv("SHOP_PORT", "7")
    assert made.execute_in_process().output_for_node("load") == "pg:7:none"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_URL", raising=False)
    with pytest.raises(
        OpweaveInvalidConfigError, match="environment variable SHOP_URL, which is not set"
    ):
        bound(Warehouse(url=EnvVar("SHOP_URL"))).execute_in_process()


def test_a_variables_wrong_value_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PORT", "hunter2")
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        bound(Warehouse(url="pg", port=EnvVar.int("SHOP_PORT"))).execute_in_process()
    assert "SHOP_PORT, whose value does not fit" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_given_in_code_is_in_no_plan_schema_or_event() -> None:
    made = bound(Warehouse(url="pg", password=pydantic.SecretStr("hunter2")))
    result = made.execute_in_process()
    assert result.output_for_node("load") == "pg:5432:hunter2"
    told = [e.payload for e in result.all_events if e.event_type_value.startswith("RESOURCE")]
    written = json.dumps(
        [result.plan.run_config, made.run_config_type().json_schema(), told], default=str
    )
    assert "hunter2" not in written


def test_several_problems_of_a_resource_are_told_at_once() -> None:
    config = {"resources": {"warehouse": {"config": {"prt": 1, "port": "x"}}}}
    with pytest.raises(OpweaveInvalidConfigError) as caught:
        validate_run_config(bound(Warehouse(url="pg")), config)
    assert [(p.path[-1], p.code) for p in caught.value.problems] == [
        ("port", "WRONG_TYPE"),
        ("prt", "UNKNOWN_FIELD"),
    ]


def test_a_class_in_place_of_an_instance_is_refused() -> None:
    with pytest.raises(
        OpweaveInvalidDefinitionError, match=r"give an instance, Warehouse\(\.\.\.\)"
    ):
        bound(Warehouse)


def test_a_resource_inside_another_is_set_up_first_and_torn_down_last() -> None:
    told: list[str] = []

    class Inner(ConfigurableResource):
        def setup_for_execution(self, context: InitResourceContext) -> None:
            told.append("inner up")

        def teardown_after_execution(self, context: InitResourceContext) -> None:
            told.append("inner down")

    class Outer(ConfigurableResource):
        inner: Inner

        @contextlib.contextmanager
        def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
            told.append("outer up")
            yield self
            told.append("outer down")

    @op
    def use(outer: Outer) -> None:
        told.append("body")
        raise ValueError

    @job(resource_defs={"outer": Outer(inner=Inner())})
    def weekly() -> None:
        use()

    assert not weekly.execute_in_process(raise_on_error=False).success
    assert told == ["inner up", "outer up", "body", "outer down", "inner down"]


def test_a_resource_inside_another_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "inner")

    @op
    def where(repository: Repository) -> str:
        return f"{repository.warehouse.address()}/{repository.table}"

    @job(resource_defs={"repository": Repository(warehouse=Warehouse(url=EnvVar("SHOP_URL")))})
    def weekly() -> None:
        where()

    assert weekly.execute_in_process().output_for_node("where") == "inner:5432:none/orders"
    config: dict[str, Any] = {"resources": {"repository": {"config": {"warehouse": {}}}}}
    with pytest.raises(OpweaveInvalidConfigError, match="is set in code and cannot be configured"):
        weekly.execute_in_process(config)


def test_a_class_may_give_ops_something_else_than_itself() -> None:
    class Factory(ConfigurableResource):
        size: int

        def create_resource(self, context: InitResourceContext) -> list[int]:
            return list(range(self.size))

    @op
    def use(numbers: ResourceParam[list[int]]) -> int:
        return len(numbers)

    @job(resource_defs={"numbers": Factory(size=3)})
    def weekly() -> None:
        use()  # type: ignore[call-overload]  # only a class derived from ConfigurableResource is known to type checkers

    assert weekly.execute_in_process().output_for_node("use") == 3


def test_an_io_manager_may_have_config() -> None:
    kept: dict[str, Any] = {}

    class Shelf(ConfigurableIOManager):
        prefix: str

        def handle_output(self, context: OutputContext, obj: Any) -> None:
            kept[f"{self.prefix}/{'/'.join(context.get_identifier()[1:])}"] = obj

        def load_input(self, context: InputContext) -> Any:
            return kept[f"{self.prefix}/{'/'.join(context.get_identifier()[1:])}"]

    @op
    def one() -> int:
        return 1

    @op
    def add(x: int) -> int:
        return x + 1

    @job(resource_defs={"io_manager": Shelf(prefix="top")})
    def weekly() -> None:
        add(one())

    assert weekly.execute_in_process().success
    assert kept == {"top/one/result": 1, "top/add/result": 2}
