"""Finding everything that modules define: jobs, assets, checks, schedules and sensors."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from opweave.definitions import origin as origins
from opweave.definitions.assets import loading
from opweave.definitions.definitions import Definitions
from opweave.definitions.job import JobDefinition


def load_definitions_from_modules(
    modules: Iterable[ModuleType],
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, object] | None = None,
    executor: object = None,
) -> Definitions:
    """Return what *modules* define, each thing once, with *resources* for all of it.

    Jobs, jobs of assets, assets, specs of assets, checks, schedules and sensors count when a name of a module stands for them,
    or a list that one stands for holds them. Resources do not: which key they are for is said here.

    Raises:
        OpweaveInvalidDefinitionError: As for `Definitions`, or two modules define the same asset.
    """
    all_modules = list(modules)
    # Classes carry the marks of their instances.
    values = [v for v in loading.values_of(all_modules) if not isinstance(v, type)]

    def instigators(kind: str) -> list[Any]:
        return [v for v in values if getattr(v, "__opweave_instigator__", None) == kind]

    return Definitions(
        assets=loading.load_assets_from_modules(all_modules, include_specs=True),
        asset_checks=loading.load_asset_checks_from_modules(all_modules),
        jobs=[
            v for v in values if isinstance(v, JobDefinition) or hasattr(v, "__opweave_asset_job__")
        ],
        schedules=instigators("schedule"),
        sensors=instigators("sensor"),
        resources=resources,
        loggers=loggers,
        executor=executor,
    )


def load_definitions_from_module(module: ModuleType, **options: Any) -> Definitions:
    """Return what *module* defines; *options* as for `load_definitions_from_modules`."""
    return load_definitions_from_modules([module], **options)


def load_definitions_from_current_module(**options: Any) -> Definitions:
    """Return what the module that calls this has defined so far; *options* as for `load_definitions_from_modules`."""
    module = sys.modules[origins.caller_frame().f_globals["__name__"]]
    return load_definitions_from_modules([module], **options)


def load_definitions_from_package_module(package_module: ModuleType, **options: Any) -> Definitions:
    """Return what *package_module* and all modules below it define; *options* as for `load_definitions_from_modules`."""
    return load_definitions_from_modules(loading.modules_of(package_module), **options)


def load_definitions_from_package_name(package_name: str, **options: Any) -> Definitions:
    """Return what the package called *package_name* and all modules below it define; *options* as above."""
    return load_definitions_from_package_module(importlib.import_module(package_name), **options)
