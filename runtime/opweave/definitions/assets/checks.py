"""``@asset_check`` and ``@multi_asset_check``: functions that look at assets and say whether they are good."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions.assets import bodies
from opweave.definitions.assets.assets_definition import AssetChecksDefinition
from opweave.definitions.assets.check_spec import AssetCheckSpec
from opweave.definitions.assets.ins_and_outs import AssetIn
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey
from opweave.definitions.assets.spec import AssetDep
from opweave.definitions.op import OpDefinition
from opweave.definitions.outputs import Out
from opweave.definitions.retry_policy import RetryPolicy
from opweave.definitions.types import Nothing


def asset_check(
    *,
    asset: CoercibleToAssetKey,
    name: str | None = None,
    description: str | None = None,
    blocking: bool = False,
    additional_ins: Mapping[str, AssetIn] | None = None,
    additional_deps: Iterable[Any] | None = None,
    required_resource_keys: Set[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    config_schema: object = None,
    op_tags: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    metadata: Mapping[str, Any] | None = None,
    pool: str | None = None,
    automation_condition: object = None,
    partitions_def: object = None,
) -> Callable[[Callable[..., Any]], AssetChecksDefinition]:
    """Make a function check *asset*: it returns an `AssetCheckResult`.

    Its first parameter beside context, config and resources, if it has any, receives the asset's value; *additional_ins* describe
    the others.

    Arguments in short:
        asset: The asset, or its key.
        name: Of the check; the function's by default.
        blocking: When it fails with severity ERROR, downstream assets in the same run are skipped.
        additional_deps: Other assets that it looks at, without their values.
        Others: As for ``@asset``.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    asset_key = AssetKey.from_coercible(asset)

    def decorate(function: Callable[..., Any]) -> AssetChecksDefinition:
        body = bodies.checked_function(function, "asset_check")
        spec = AssetCheckSpec(
            name or body.__name__,
            asset=asset_key,
            description=description or inspect.getdoc(body),
            additional_deps=additional_deps,
            blocking=blocking,
            metadata=metadata,
            automation_condition=automation_condition,
            partitions_def=partitions_def,
        )
        owner = f"check {spec.key.to_user_string()!r} ({origins.origin_of(body)})"
        inputs = _inputs(body, asset_key, additional_ins or {}, spec.additional_deps, owner)
        return _definition(
            body,
            name=spec.get_python_identifier(),
            specs=[spec],
            inputs=inputs,
            resource_defs=resource_defs,
            config_schema=config_schema,
            required_resource_keys=required_resource_keys,
            tags=op_tags,
            retry_policy=retry_policy,
            pool=pool,
        )

    return decorate


def multi_asset_check(
    *,
    specs: Sequence[AssetCheckSpec],
    name: str | None = None,
    description: str | None = None,
    can_subset: bool = False,
    ins: Mapping[str, Any] | None = None,
    required_resource_keys: Set[str] | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    config_schema: object = None,
    op_tags: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    pool: str | None = None,
) -> Callable[[Callable[..., Any]], AssetChecksDefinition]:
    """Make a function that makes several checks: it yields an `AssetCheckResult` for each of *specs*.

    Arguments in short:
        can_subset: A run may select a part; the body asks ``context.selected_asset_check_keys``.
        ins: Which asset each parameter is.
        Others: As for ``@asset_check``.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """

    def decorate(function: Callable[..., Any]) -> AssetChecksDefinition:
        body = bodies.checked_function(function, "multi_asset_check")
        own_name = name or body.__name__
        owner = f"checks {own_name!r} ({origins.origin_of(body)})"
        for spec in specs:
            if not isinstance(spec, AssetCheckSpec):
                raise errors.OpweaveInvalidDefinitionError(
                    f"{owner} have {shown(spec)} among their specs: give AssetCheckSpec(name, asset=...)"
                )
        parameters = bodies.input_names(body, owner)
        passed = bodies.body_inputs(parameters, ins, (), owner).keys.values()
        deps = [AssetDep(spec.asset_key) for spec in specs]
        deps += [dep for spec in specs for dep in spec.additional_deps]
        others = {d.asset_key: d for d in deps if d.asset_key not in set(passed)}
        inputs = bodies.body_inputs(parameters, ins, others.values(), owner)
        return _definition(
            body,
            name=own_name,
            specs=specs,
            inputs=inputs,
            resource_defs=resource_defs,
            can_subset=can_subset,
            description=description,
            config_schema=config_schema,
            required_resource_keys=required_resource_keys,
            tags=op_tags,
            retry_policy=retry_policy,
            pool=pool,
        )

    return decorate


def _inputs(
    function: Callable[..., Any],
    asset_key: AssetKey,
    additional: Mapping[str, AssetIn],
    deps: Iterable[AssetDep],
    owner: str,
) -> bodies.BodyInputs:
    """Return the inputs of a check: the asset, by value or for order only, and the additional ones."""
    parameters = bodies.input_names(function, owner)
    ins: dict[str, Any] = dict(additional)
    own = [name for name in parameters if name not in additional]
    if len(own) > 1:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} takes {', '.join(own)}: one parameter is the checked asset; describe the others in additional_ins"
        )
    others = list(deps)
    if own:
        ins[own[0]] = AssetIn(key=asset_key)
    elif asset_key not in {described.key_for(name) for name, described in additional.items()}:
        others.insert(0, AssetDep(asset_key))
    return bodies.body_inputs(parameters, ins, others, owner)


def _definition(
    function: Callable[..., Any],
    *,
    name: str,
    specs: Sequence[AssetCheckSpec],
    inputs: bodies.BodyInputs,
    resource_defs: Mapping[str, Any] | None,
    can_subset: bool = False,
    description: str | None = None,
    **op_options: Any,
) -> AssetChecksDefinition:
    op: OpDefinition[Any, Any] = OpDefinition(
        function,
        name=name,
        description=description or (specs[0].description if specs else None),
        ins=inputs.ins,
        out=Out(Nothing),
        **op_options,
    )
    return AssetChecksDefinition(
        node_def=op,
        keys_by_input_name=inputs.keys,
        check_specs=specs,
        can_subset=can_subset,
        resource_defs=resource_defs,
        guessed_inputs=inputs.guessed,
    )
