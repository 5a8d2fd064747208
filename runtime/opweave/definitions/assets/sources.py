"""Assets that others write: declared, and observed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, overload

from opweave.definitions import origin as origins
from opweave.definitions import unsupported
from opweave.definitions.assets import bodies
from opweave.definitions.assets.assets_definition import AssetsDefinition
from opweave.definitions.assets.check_spec import AssetCheckSpec
from opweave.definitions.assets.decorators import own_checks, own_key
from opweave.definitions.assets.key import CoercibleToAssetKey, CoercibleToAssetKeyPrefix
from opweave.definitions.assets.spec import IO_MANAGER_KEY_METADATA, AssetSpec
from opweave.definitions.op import OpDefinition
from opweave.definitions.outputs import DEFAULT_OUTPUT, Out
from opweave.definitions.types import Nothing


class SourceAsset:
    """An asset that others write, with the I/O manager that loads it; `AssetSpec` is the newer form.

    Args:
        key: Its key.
        io_manager_key: Key of the resource that loads it.
        io_manager_def: That resource itself.
        Others: As for `AssetSpec`.
    """

    def __init__(
        self,
        key: CoercibleToAssetKey,
        metadata: Mapping[str, Any] | None = None,
        io_manager_key: str | None = None,
        io_manager_def: object = None,
        description: str | None = None,
        group_name: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        partitions_def: object = None,
        observe_fn: object = None,
        automation_condition: object = None,
    ) -> None:
        unsupported.refuse("SourceAsset", observe_fn=observe_fn)
        self.resource_defs = dict(resource_defs or {})
        spec = AssetSpec(
            key,
            metadata=metadata,
            description=description,
            group_name=group_name,
            tags=tags,
            partitions_def=partitions_def,
            automation_condition=automation_condition,
        )
        if io_manager_def is not None:
            io_manager_key = io_manager_key or f"{spec.key.to_python_identifier()}__io_manager"
            self.resource_defs[io_manager_key] = io_manager_def
        self.spec = spec if io_manager_key is None else spec.with_io_manager_key(io_manager_key)
        self.origin = origins.caller_origin()

    @property
    def key(self) -> Any:
        """Its key."""
        return self.spec.key

    def to_spec(self) -> AssetSpec:
        """Return what is told of it."""
        return self.spec

    def __opweave_asset_key__(self) -> Any:
        """Return the key, where the asset stands for it."""
        return self.spec.key

    def __opweave_assets__(self) -> AssetsDefinition:
        """Return its definition."""
        return AssetsDefinition(
            specs=[self.spec], resource_defs=self.resource_defs, origin=self.origin
        )

    def map_asset_specs(self, func: Callable[[AssetSpec], AssetSpec]) -> AssetsDefinition:
        """Return the asset with its spec replaced by what *func* makes of it."""
        return self.__opweave_assets__().map_asset_specs(func)


def external_assets_from_specs(specs: Iterable[AssetSpec]) -> list[AssetsDefinition]:
    """Return an asset that others write for each of *specs*."""
    return [AssetsDefinition(specs=[spec]) for spec in specs]


def external_asset_from_spec(spec: AssetSpec) -> AssetsDefinition:
    """Return the asset that *spec* describes, written by others."""
    return AssetsDefinition(specs=[spec])


@overload
def observable_source_asset(function: Callable[..., Any], /) -> AssetsDefinition: ...


@overload
def observable_source_asset(
    *,
    key: CoercibleToAssetKey = None,
    name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    metadata: Mapping[str, Any] | None = None,
    io_manager_key: str | None = None,
    io_manager_def: object = None,
    description: str | None = None,
    group_name: str | None = None,
    required_resource_keys: Set[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    partitions_def: object = None,
    automation_condition: object = None,
    freshness_policy: object = None,
    op_tags: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    owners: Sequence[str] | None = None,
    kinds: Set[str] | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]: ...


def observable_source_asset(function: Any = None, /, **options: Any) -> Any:
    """Make a function observe an asset that others write: it returns a `DataVersion` or an `ObserveResult`.

    Args:
        function: The body.
        options: As for ``@asset``.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    if function is None:
        return lambda body: _observable(body, **options)
    return _observable(function, **options)


def _observable(
    function: Any,
    *,
    key: CoercibleToAssetKey = None,
    name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    io_manager_key: str | None = None,
    io_manager_def: object = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    required_resource_keys: Set[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    op_tags: Mapping[str, Any] | None = None,
    **spec_options: Any,
) -> AssetsDefinition:
    body = bodies.checked_function(function, "observable_source_asset")
    asset_key = own_key(body, key, name, key_prefix)
    own_resources = dict(resource_defs or {})
    if io_manager_def is not None:
        io_manager_key = io_manager_key or f"{asset_key.to_python_identifier()}__io_manager"
        own_resources[io_manager_key] = io_manager_def
    manager = {} if io_manager_key is None else {IO_MANAGER_KEY_METADATA: io_manager_key}
    spec = AssetSpec(
        asset_key,
        description=description or inspect.getdoc(body),
        metadata={**(metadata or {}), **manager},
        **spec_options,
    )
    op: OpDefinition[Any, Any] = OpDefinition(
        body,
        name=asset_key.to_python_identifier(),
        description=spec.description,
        out=Out(Nothing),
        required_resource_keys=required_resource_keys,
        tags=op_tags,
    )
    return AssetsDefinition(
        node_def=op,
        specs=[spec],
        keys_by_output_name={DEFAULT_OUTPUT: asset_key},
        resource_defs=own_resources,
        is_observable=True,
    )


def multi_observable_source_asset(
    *,
    specs: Sequence[AssetSpec],
    name: str | None = None,
    description: str | None = None,
    can_subset: bool = False,
    required_resource_keys: Set[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    partitions_def: object = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Make a function observe several assets that others write: it yields an `ObserveResult` for each.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """

    def decorate(function: Callable[..., Any]) -> AssetsDefinition:
        body = bodies.checked_function(function, "multi_observable_source_asset")
        owner = f"multi-asset {name or body.__name__!r} ({origins.origin_of(body)})"
        unsupported.refuse(owner, partitions_def=partitions_def)
        own = [spec.replace_attributes(group_name=spec.group_name or group_name) for spec in specs]
        outputs = {spec.key.to_python_identifier(): spec for spec in own}
        op: OpDefinition[Any, Any] = OpDefinition(
            body,
            name=name or body.__name__,
            description=description,
            out={
                output: Out(Nothing, is_required=not (can_subset or spec.skippable))
                for output, spec in outputs.items()
            },
            required_resource_keys=required_resource_keys,
            tags=op_tags,
        )
        return AssetsDefinition(
            node_def=op,
            specs=own,
            keys_by_output_name={output: spec.key for output, spec in outputs.items()},
            check_specs=own_checks(check_specs, {spec.key for spec in own}, owner),
            can_subset=can_subset,
            resource_defs=resource_defs,
            is_observable=True,
        )

    return decorate
