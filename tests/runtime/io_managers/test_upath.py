"""`UPathIOManager`: where its files lie, on a local disk and on another file system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opweave import (
    ConfigurableIOManagerFactory,
    InitResourceContext,
    InputContext,
    OpweaveInvalidDefinitionError,
    OpweaveInvariantViolationError,
    OutputContext,
    UPathIOManager,
    build_input_context,
    build_output_context,
    job,
    op,
)


class JsonIOManager(UPathIOManager):
    extension = ".json"

    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        path.write_text(json.dumps(obj))

    def load_from_path(self, context: InputContext, path: Any) -> Any:
        return json.loads(path.read_text())

    def get_metadata(self, context: OutputContext, obj: Any) -> dict[str, Any]:
        return {"rows": len(obj)}


class AsyncJsonIOManager(JsonIOManager):
    async def load_from_path(self, context: InputContext, path: Any) -> Any:
        return super().load_from_path(context, path)


@pytest.mark.parametrize("manager_class", [JsonIOManager, AsyncJsonIOManager])
def test_a_value_lies_below_the_base_path_and_comes_back(
    tmp_path: Path, manager_class: type[JsonIOManager]
) -> None:
    manager = manager_class(tmp_path)
    context = build_output_context(run_id="r", step_key="a.b", name="n", mapping_key="../x")
    assert not manager.has_output(context)
    manager.handle_output(context, [1, 2])
    path = tmp_path / "r" / "a.b" / "n" / "%2E.%2Fx.json"
    assert path.read_text() == "[1, 2]"
    assert manager.has_output(context)
    assert manager.load_input(build_input_context(context)) == [1, 2]
    assert context.logged_metadata["path"].value == str(path)
    assert context.logged_metadata["rows"].value == 2


def test_another_file_system_is_named_by_its_url() -> None:
    manager = JsonIOManager("memory://bucket/store")
    context = build_output_context(run_id="r", step_key="s", name="n")
    manager.handle_output(context, [3])
    assert str(manager.get_path(context)) == "memory://bucket/store/r/s/n.json"
    assert manager.load_input(build_input_context(context)) == [3]
    other = build_output_context(run_id="other", step_key="s", name="n")
    with pytest.raises(OpweaveInvariantViolationError, match=r"other/s/n\.json does not exist"):
        manager.load_input(build_input_context(other))


def test_the_default_base_path_belongs_to_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPWEAVE_HOME", str(tmp_path))
    assert JsonIOManager().base_path == tmp_path / "storage"


def test_an_extension_without_dot_is_refused() -> None:
    class Wrong(JsonIOManager):
        extension = "json"

    with pytest.raises(OpweaveInvalidDefinitionError, match="begin it with a dot"):
        Wrong()


def test_a_factory_makes_it_from_config(tmp_path: Path) -> None:
    class Json(ConfigurableIOManagerFactory[JsonIOManager]):
        directory: str

        def create_io_manager(self, context: InitResourceContext) -> JsonIOManager:
            return JsonIOManager(Path(self.directory))

    @op
    def numbers() -> list[int]:
        return [1, 2, 3]

    @job(resource_defs={"io_manager": Json.configure_at_launch()})
    def daily() -> None:
        numbers()

    config = {"resources": {"io_manager": {"config": {"directory": str(tmp_path / "given")}}}}
    assert daily.execute_in_process(config, run_id="r").success
    assert (tmp_path / "given" / "r" / "numbers" / "result.json").read_text() == "[1, 2, 3]"
