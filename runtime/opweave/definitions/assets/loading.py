"""Finding assets and checks in modules."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

from opweave import errors
from opweave.definitions import origin as origins
from opweave.definitions.assets.assets_definition import AssetChecksDefinition, AssetsDefinition
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKeyPrefix, as_prefix
from opweave.definitions.assets.sources import SourceAsset
from opweave.definitions.assets.spec import AssetSpec


def load_assets_from_modules(
    modules: Iterable[ModuleType],
    group_name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    *,
    source_key_prefix: CoercibleToAssetKeyPrefix | None = None,
    include_specs: bool = False,
) -> list[Any]:
    """Return the assets that *modules* define, each once, in the order in which they are written.

    Arguments in short:
        group_name: Of all of them; none may have one already.
        key_prefix: Before the keys of all of them, and before the keys by which they name each other.
        source_key_prefix: Before the keys of those that others write.
        include_specs: Whether an `AssetSpec` alone counts as an asset.

    Raises:
        OpweaveInvalidDefinitionError: Two modules define the same key, or an asset has a group already.
    """
    found = [
        value
        for value in values_of(modules)
        if (isinstance(value, (AssetsDefinition, SourceAsset)) and not _is_check(value))
        or (include_specs and isinstance(value, AssetSpec))
    ]
    return _changed(found, group_name, as_prefix(key_prefix), as_prefix(source_key_prefix))


def load_assets_from_current_module(
    group_name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    **options: Any,
) -> list[Any]:
    """Return the assets of the module that calls this; arguments as for `load_assets_from_modules`."""
    module = sys.modules[origins.caller_frame().f_globals["__name__"]]
    return load_assets_from_modules([module], group_name, key_prefix, **options)


def load_assets_from_package_module(
    package_module: ModuleType,
    group_name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    **options: Any,
) -> list[Any]:
    """Return the assets of *package_module* and of all modules below it."""
    modules = list(modules_of(package_module))
    return load_assets_from_modules(modules, group_name, key_prefix, **options)


def load_assets_from_package_name(
    package_name: str,
    group_name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    **options: Any,
) -> list[Any]:
    """Return the assets of the package called *package_name* and of all modules below it."""
    package = importlib.import_module(package_name)
    return load_assets_from_package_module(package, group_name, key_prefix, **options)


def load_asset_checks_from_modules(
    modules: Iterable[ModuleType], asset_key_prefix: CoercibleToAssetKeyPrefix | None = None
) -> list[AssetChecksDefinition]:
    """Return the checks that *modules* define; *asset_key_prefix* stands before the keys of what they check."""
    prefix = as_prefix(asset_key_prefix)
    checks = [value for value in values_of(modules) if isinstance(value, AssetChecksDefinition)]
    if not prefix:
        return checks
    return [_prefixed_check(check, prefix) for check in checks]


def load_asset_checks_from_current_module(
    asset_key_prefix: CoercibleToAssetKeyPrefix | None = None,
) -> list[AssetChecksDefinition]:
    """Return the checks of the module that calls this."""
    module = sys.modules[origins.caller_frame().f_globals["__name__"]]
    return load_asset_checks_from_modules([module], asset_key_prefix)


def load_asset_checks_from_package_module(
    package_module: ModuleType, asset_key_prefix: CoercibleToAssetKeyPrefix | None = None
) -> list[AssetChecksDefinition]:
    """Return the checks of *package_module* and of all modules below it."""
    return load_asset_checks_from_modules(list(modules_of(package_module)), asset_key_prefix)


def load_asset_checks_from_package_name(
    package_name: str, asset_key_prefix: CoercibleToAssetKeyPrefix | None = None
) -> list[AssetChecksDefinition]:
    """Return the checks of the package called *package_name* and of all modules below it."""
    package = importlib.import_module(package_name)
    return load_asset_checks_from_package_module(package, asset_key_prefix)


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    """Yield *package* and all modules below it."""
    yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        yield importlib.import_module(found.name)


def values_of(modules: Iterable[ModuleType]) -> list[Any]:
    """Return what the modules' names stand for, and what is in lists there; each once."""
    found: dict[int, Any] = {}
    for module in modules:
        for value in vars(module).values():
            for item in value if isinstance(value, list) else [value]:
                found.setdefault(id(item), item)
    return list(found.values())


def _is_check(value: object) -> bool:
    return isinstance(value, AssetChecksDefinition)


def _changed(
    found: Sequence[Any], group_name: str | None, prefix: list[str], source_prefix: list[str]
) -> list[Any]:
    renamed = {
        key: key.with_prefix(prefix)
        for value in found
        if prefix and isinstance(value, AssetsDefinition)
        for key in value.keys
    }
    sources = source_prefix or []
    for value in found:
        if sources and isinstance(value, (SourceAsset, AssetSpec)):
            renamed[value.key] = value.key.with_prefix(sources)
    if not renamed and group_name is None:
        return list(found)
    return [_with(value, renamed, group_name) for value in found]


def _with(value: Any, renamed: dict[AssetKey, AssetKey], group_name: str | None) -> Any:
    def grouped(spec: AssetSpec) -> AssetSpec:
        if group_name is None:
            return spec
        if spec.group_name not in (None, group_name):
            raise errors.OpweaveInvalidDefinitionError(
                f"load_assets gives the group {group_name!r} to asset {spec.key.to_user_string()!r}, which has the group "
                f"{spec.group_name!r}: leave one of them out"
            )
        return spec.replace_attributes(group_name=group_name)

    if isinstance(value, AssetSpec):
        return grouped(value).replace_attributes(key=renamed.get(value.key, value.key))
    return value.map_asset_specs(grouped).renamed_keys(renamed)


def _prefixed_check(check: AssetChecksDefinition, prefix: list[str]) -> AssetChecksDefinition:
    keys = {*check.keys_by_input_name.values(), *(spec.asset_key for spec in check.check_specs)}
    changed = check.renamed_keys({key: key.with_prefix(prefix) for key in keys})
    assert isinstance(changed, AssetChecksDefinition)
    return changed
