"""``@asset`` and ``@multi_asset``: functions that write assets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, overload

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import types as value_types
from opweave.definitions import unsupported
from opweave.definitions.assets import bodies
from opweave.definitions.assets.assets_definition import AssetsDefinition
from opweave.definitions.assets.check_spec import AssetCheckSpec
from opweave.definitions.assets.ins_and_outs import AssetOut
from opweave.definitions.assets.key import (
    AssetKey,
    CoercibleToAssetKey,
    CoercibleToAssetKeyPrefix,
    as_prefix,
)
from opweave.definitions.assets.spec import AssetDep, AssetSpec
from opweave.definitions.inputs import NO_VALUE
from opweave.definitions.op import OpDefinition
from opweave.definitions.outputs import DEFAULT_OUTPUT, Out
from opweave.definitions.retry_policy import RetryPolicy


@overload
def asset(function: Callable[..., Any], /) -> AssetsDefinition: ...


@overload
def asset(
    *,
    name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    ins: Mapping[str, Any] | None = None,
    deps: Iterable[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    config_schema: object = None,
    required_resource_keys: Set[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    hooks: object = None,
    io_manager_def: object = None,
    io_manager_key: str | None = None,
    opweave_type: Any = ...,
    partitions_def: object = None,
    op_tags: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    output_required: bool = True,
    automation_condition: object = None,
    freshness_policy: object = None,
    backfill_policy: object = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    owners: Sequence[str] | None = None,
    kinds: Set[str] | None = None,
    pool: str | None = None,
    is_virtual: bool = False,
) -> Callable[[Callable[..., Any]], AssetsDefinition]: ...


def asset(function: Any = None, /, **options: Any) -> Any:
    """Make a function an asset: what it returns is the asset's data, its parameters are the assets that it is made of.

    Bare (``@asset``) or with options. The first parameter is the context when it is annotated `AssetExecutionContext`, or called
    ``context`` without annotation; ``config`` and resources as for ``@op``.

    Args:
        function: The body; it returns the data for the I/O manager, or a `MaterializeResult`, or nothing.
        options: ``key``, or ``name`` (default: the function's) and ``key_prefix``; ``ins`` (which asset a parameter is);
            ``deps`` (assets whose values are not passed); ``metadata``, ``tags``, ``description``, ``group_name``,
            ``owners``, ``kinds``, ``code_version``; ``check_specs`` (checks that the body makes); ``io_manager_key`` or
            ``io_manager_def``; ``resource_defs``, ``required_resource_keys``, ``config_schema``; ``op_tags``,
            ``retry_policy``; ``output_required`` (False: the body may leave the asset out).

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    if function is None:
        return lambda body: _asset(body, **options)
    return _asset(function, **options)


def _asset(
    function: Any,
    *,
    name: str | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    ins: Mapping[str, Any] | None = None,
    deps: Iterable[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    hooks: object = None,
    io_manager_def: object = None,
    io_manager_key: str | None = None,
    opweave_type: Any = NO_VALUE,
    op_tags: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    output_required: bool = True,
    backfill_policy: object = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    config_schema: object = None,
    required_resource_keys: Set[str] | None = None,
    pool: str | None = None,
    **spec_options: Any,
) -> AssetsDefinition:
    body = bodies.checked_function(function, "asset")
    asset_key = own_key(body, key, name, key_prefix)
    owner = f"asset {asset_key.to_user_string()!r} ({origins.origin_of(body)})"
    unsupported.refuse(owner, hooks=hooks, backfill_policy=backfill_policy)
    dep_specs = AssetSpec(asset_key, deps=deps).deps
    inputs = bodies.body_inputs(bodies.input_names(body, owner), ins, dep_specs, owner)
    spec = AssetSpec(
        asset_key,
        deps=inputs.keys.values(),
        description=description or inspect.getdoc(body),
        metadata=metadata,
        skippable=not output_required,
        group_name=group_name,
        code_version=code_version,
        tags=tags,
        **spec_options,
    )
    own_resources = dict(resource_defs or {})
    manager_key = _io_manager(io_manager_key, io_manager_def, asset_key, own_resources, owner)
    op: OpDefinition[Any, Any] = OpDefinition(
        body,
        name=asset_key.to_python_identifier(),
        description=spec.description,
        ins=inputs.ins,
        out=Out(
            bodies.value_type(body, owner, opweave_type),
            is_required=output_required,
            io_manager_key=manager_key,
            metadata=metadata,
            code_version=code_version,
        ),
        config_schema=config_schema,
        required_resource_keys=required_resource_keys,
        tags=op_tags,
        retry_policy=retry_policy,
        code_version=code_version,
        pool=pool,
    )
    checks = own_checks(check_specs, {asset_key}, owner)
    return AssetsDefinition(
        node_def=op,
        specs=[spec],
        keys_by_input_name=inputs.keys,
        keys_by_output_name={DEFAULT_OUTPUT: asset_key},
        check_specs=checks,
        resource_defs=own_resources,
        guessed_inputs=inputs.guessed,
    )


def own_key(
    function: Callable[..., Any],
    key: CoercibleToAssetKey,
    name: str | None,
    key_prefix: CoercibleToAssetKeyPrefix | None,
) -> AssetKey:
    """Return the key of the asset that *function* writes: *key*, or *name*, or the function's name.

    Raises:
        OpweaveInvalidDefinitionError: It is given both ways.
    """
    if key is None:
        return AssetKey([*as_prefix(key_prefix), name or function.__name__])
    if name is not None or key_prefix is not None:
        raise errors.OpweaveInvalidDefinitionError(
            f"@asset on {function.__name__} ({origins.origin_of(function)}) is given key= and name= or key_prefix=: the "
            "key says it all"
        )
    return AssetKey.from_coercible(key)


def _io_manager(
    key: str | None,
    definition: object,
    asset_key: AssetKey,
    resource_defs: dict[str, Any],
    owner: str,
) -> str:
    """Return the key of the asset's I/O manager; its own one is added to *resource_defs*."""
    if definition is None:
        return key or "io_manager"
    if key is not None:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given io_manager_key and io_manager_def: keep one of them"
        )
    own = f"{asset_key.to_python_identifier()}__io_manager"
    resource_defs[own] = definition
    return own


def own_checks(
    checks: Sequence[AssetCheckSpec] | None, keys: Set[AssetKey], owner: str
) -> list[AssetCheckSpec]:
    """Return *checks* if they are checks of the assets *keys*.

    Raises:
        OpweaveInvalidDefinitionError: One is not.
    """
    for check in checks or ():
        if not isinstance(check, AssetCheckSpec):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has {shown(check)} among its check_specs: give AssetCheckSpec(name, asset=...)"
            )
        if check.asset_key not in keys:
            hint = errors.did_you_mean(
                check.asset_key.to_user_string(), [k.to_user_string() for k in keys]
            )
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} declares the check {check.name!r} of asset {check.asset_key.to_user_string()!r}, which it does not "
                f"write{hint}"
            )
    return list(checks or ())


def multi_asset(
    *,
    outs: Mapping[str, AssetOut] | None = None,
    specs: Sequence[AssetSpec] | None = None,
    name: str | None = None,
    ins: Mapping[str, Any] | None = None,
    deps: Iterable[Any] | None = None,
    description: str | None = None,
    config_schema: object = None,
    required_resource_keys: Set[str] | None = None,
    internal_asset_deps: Mapping[str, Set[AssetKey]] | None = None,
    can_subset: bool = False,
    resource_defs: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    op_tags: Mapping[str, Any] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    pool: str | None = None,
    partitions_def: object = None,
    hooks: object = None,
    backfill_policy: object = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Make a function write several assets in one step.

    Arguments in short:
        outs: By output name; the body gives their values, as an op with several outputs.
        specs: In place of *outs*, when the body stores the data itself and yields a `MaterializeResult` for each.
        internal_asset_deps: By output name the assets that it is made of, in place of all inputs.
        can_subset: A run may select a part; the body asks ``context.selected_asset_keys`` or ``selected_output_names``.
        Others: As for ``@asset``.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """

    def decorate(function: Callable[..., Any]) -> AssetsDefinition:
        body = bodies.checked_function(function, "multi_asset")
        owner = f"multi-asset {name or body.__name__!r} ({origins.origin_of(body)})"
        unsupported.refuse(
            owner, partitions_def=partitions_def, hooks=hooks, backfill_policy=backfill_policy
        )
        if (outs is None) == (specs is None):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} must be given either outs= or specs="
            )
        parameters = bodies.input_names(body, owner)
        all_deps = AssetSpec("deps", deps=deps).deps
        if specs is not None:
            all_deps = _outer_deps(specs, all_deps, parameters, ins, owner)
        inputs = bodies.body_inputs(parameters, ins, all_deps, owner)
        made = _MultiOutputs(owner, group_name, code_version, can_subset)
        if specs is not None:
            made.from_specs(specs, list(inputs.keys.values()) if not _have_deps(specs) else [])
        else:
            made.from_outs(outs or {}, inputs.keys, internal_asset_deps or {})
        checks = own_checks(check_specs, {s.key for s in made.specs}, owner)
        op: OpDefinition[Any, Any] = OpDefinition(
            body,
            name=name or body.__name__,
            description=description,
            ins=inputs.ins,
            out=made.outputs,
            config_schema=config_schema,
            required_resource_keys=required_resource_keys,
            tags=op_tags,
            retry_policy=retry_policy,
            code_version=code_version,
            pool=pool,
        )
        return AssetsDefinition(
            node_def=op,
            specs=made.specs,
            keys_by_input_name=inputs.keys,
            keys_by_output_name=made.keys,
            check_specs=checks,
            can_subset=can_subset,
            resource_defs=resource_defs,
            guessed_inputs=inputs.guessed,
        )

    return decorate


def _have_deps(specs: Sequence[AssetSpec]) -> bool:
    return any(spec.deps for spec in specs)


def _outer_deps(
    specs: Sequence[AssetSpec],
    deps: list[AssetDep],
    parameters: Sequence[str],
    ins: Mapping[str, Any] | None,
    owner: str,
) -> list[AssetDep]:
    """Return the dependencies of the whole step: those of its specs that it does not write itself."""
    if deps and _have_deps(specs):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given deps= and specs that have deps: say in each spec what it is made of"
        )
    own = {spec.key for spec in specs}
    passed = set(bodies.body_inputs(parameters, ins, (), owner).keys.values())
    found = {dep.asset_key: dep for spec in specs for dep in spec.deps}
    found.update({dep.asset_key: dep for dep in deps})
    return [dep for key, dep in found.items() if key not in own and key not in passed]


class _MultiOutputs:
    """The outputs of a multi-asset's op and the assets that they are."""

    def __init__(
        self, owner: str, group_name: str | None, code_version: str | None, can_subset: bool
    ) -> None:
        self._owner = owner
        self._group_name = group_name
        self._code_version = code_version
        self._can_subset = can_subset
        self.outputs: dict[str, Out] = {}
        self.keys: dict[str, AssetKey] = {}
        self.specs: list[AssetSpec] = []

    def from_specs(self, specs: Sequence[AssetSpec], deps: Sequence[AssetKey]) -> None:
        for given in specs:
            if not isinstance(given, AssetSpec):
                raise errors.OpweaveInvalidDefinitionError(
                    f"{self._owner} has {shown(given)} among its specs: give AssetSpec(key, ...)"
                )
            if given.group_name and self._group_name:
                raise errors.OpweaveInvalidDefinitionError(
                    f"{self._owner} is given group_name= and {given!r}, which has a group: keep one of them"
                )
            spec = given.replace_attributes(
                deps=given.deps or deps,
                group_name=given.group_name or self._group_name,
                code_version=given.code_version or self._code_version,
            )
            output = Out(
                value_types.Nothing if spec.io_manager_key is None else NO_VALUE,
                description=spec.description,
                is_required=not (self._can_subset or spec.skippable),
                io_manager_key=spec.io_manager_key or "io_manager",
            )
            self._add(spec.key.to_python_identifier(), output, spec)

    def from_outs(
        self,
        outs: Mapping[str, AssetOut],
        inputs: Mapping[str, AssetKey],
        internal: Mapping[str, Set[AssetKey]],
    ) -> None:
        for name in internal:
            if name not in outs:
                hint = errors.did_you_mean(name, outs)
                raise errors.OpweaveInvalidDefinitionError(
                    f"{self._owner} names {name!r} in internal_asset_deps, which is none of its outs{hint}"
                )
        for name, described in outs.items():
            if not isinstance(described, AssetOut):
                raise errors.OpweaveInvalidDefinitionError(
                    f"{self._owner} describes its output {name!r} by {shown(described)}: give an AssetOut"
                )
            deps = sorted(internal[name]) if name in internal else list(inputs.values())
            spec = described.to_spec(name, deps, self._group_name)
            if spec.code_version is None and self._code_version is not None:
                spec = spec.replace_attributes(code_version=self._code_version)
            required = described.is_required and not self._can_subset
            self._add(name, described.to_out(required), spec)
        known = {spec.key for spec in self.specs} | set(inputs.values())
        for name, keys in internal.items():
            for key in keys:
                if key not in known:
                    hint = errors.did_you_mean(
                        key.to_user_string(), [k.to_user_string() for k in known]
                    )
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{self._owner} says in internal_asset_deps that {name!r} is made of "
                        f"{key.to_user_string()!r}, which is neither an input nor an output of it{hint}"
                    )

    def _add(self, name: str, output: Out, spec: AssetSpec) -> None:
        if name in self.outputs:
            raise errors.OpweaveInvalidDefinitionError(
                f"{self._owner} has two assets whose keys make the same name {name!r}: rename one of them"
            )
        self.outputs[name] = output
        self.keys[name] = spec.key
        self.specs.append(spec)
