"""``materialize``, ``materialize_to_memory`` and ``observe``: make assets in this process, for tests and trials."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from opweave.definitions import resource as resource_definitions
from opweave.definitions import run_config as run_configs
from opweave.definitions import unsupported
from opweave.definitions.assets.location_assets import LocationAssets
from opweave.definitions.assets.selection import AssetSelection, CoercibleToAssetSelection
from opweave.definitions.io_manager import IOManager
from opweave.execution import in_process
from opweave.execution.result import ExecuteInProcessResult
from opweave.io_managers.filesystem import FilesystemIOManager
from opweave.io_managers.memory import InMemoryIOManager


def materialize(
    assets: Sequence[Any],
    run_config: run_configs.RunConfig | Mapping[str, Any] | None = None,
    instance: object = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
    selection: CoercibleToAssetSelection = None,
) -> ExecuteInProcessResult:
    """Make *assets* in this process, their checks with them, and return the result.

    Values go through I/O managers as in any run; the default one keeps files in a directory that is removed at the end.

    Arguments in short:
        assets: Assets, specs of those that others write, and checks.
        run_config: Of the run.
        resources: By key, beside those of the assets.
        raise_on_error: False returns a result whose ``success`` is false instead of raising what a body raised.
        tags: Of the run.
        selection: Only these of *assets*; the others are loaded.

    Raises:
        OpweaveInvalidDefinitionError: The assets do not fit together.
        OpweaveInvalidSubsetError: *selection* picks nothing that can be made.
        OpweaveInvalidConfigError: The run config is wrong.
        Exception: Whatever the first failing body raised.
    """
    unsupported.refuse("materialize", instance=instance, partition_key=partition_key)
    with tempfile.TemporaryDirectory(prefix="opweave-") as directory:
        manager = FilesystemIOManager(directory)
        return _made(assets, run_config, resources, raise_on_error, tags, selection, manager)


def materialize_to_memory(
    assets: Sequence[Any],
    run_config: run_configs.RunConfig | Mapping[str, Any] | None = None,
    instance: object = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
    selection: CoercibleToAssetSelection = None,
) -> ExecuteInProcessResult:
    """Make *assets* in this process as `materialize` does, all values kept in memory whatever I/O managers they name."""
    unsupported.refuse("materialize_to_memory", instance=instance, partition_key=partition_key)
    graph = _location(assets, {}).graph
    keys = {
        definition.io_manager_key_for(key)
        for key, definition in graph.by_key.items()
        if definition.is_materializable
    }
    memory = InMemoryIOManager()
    given = {**dict.fromkeys(sorted(keys - set(resources or {})), memory), **(resources or {})}
    return _made(assets, run_config, given, raise_on_error, tags, selection, memory)


def observe(
    assets: Sequence[Any],
    run_config: run_configs.RunConfig | Mapping[str, Any] | None = None,
    instance: object = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
) -> ExecuteInProcessResult:
    """Observe those of *assets* that are observable, in this process, and return the result."""
    unsupported.refuse("observe", instance=instance, partition_key=partition_key)
    graph = _location(assets, {}).graph
    observable = [key for key in graph.executable_keys if graph.by_key[key].is_observable]
    selection = AssetSelection.keys(*observable)
    memory = InMemoryIOManager()
    return _made(assets, run_config, resources, raise_on_error, tags, selection, memory)


def _location(assets: Sequence[Any], resources: Mapping[str, Any]) -> LocationAssets:
    made = {key: resource_definitions.as_resource(value, key) for key, value in resources.items()}
    return LocationAssets(assets, [], made, "the call of materialize")


def _made(
    assets: Sequence[Any],
    run_config: run_configs.RunConfig | Mapping[str, Any] | None,
    resources: Mapping[str, Any] | None,
    raise_on_error: bool,
    tags: Mapping[str, str] | None,
    selection: CoercibleToAssetSelection,
    default_io_manager: IOManager,
) -> ExecuteInProcessResult:
    location = _location(assets, resources or {})
    everything = AssetSelection.all() | AssetSelection.all_asset_checks()
    chosen = everything if selection is None else selection
    return in_process.execute(
        location.resolved(chosen),
        run_config,
        raise_on_error=raise_on_error,
        tags=tags,
        resources=resources,
        default_io_manager=default_io_manager,
    )
