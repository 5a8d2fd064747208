"""``@graph_asset`` and ``@graph_multi_asset``: assets that a graph of ops writes, several steps each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, overload

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import graph as graphs
from opweave.definitions import origin as origins
from opweave.definitions import unsupported
from opweave.definitions.assets import bodies
from opweave.definitions.assets.assets_definition import AssetsDefinition
from opweave.definitions.assets.check_spec import AssetCheckSpec
from opweave.definitions.assets.decorators import own_checks, own_key
from opweave.definitions.assets.ins_and_outs import AssetOut
from opweave.definitions.assets.key import CoercibleToAssetKey, CoercibleToAssetKeyPrefix
from opweave.definitions.assets.spec import AssetSpec
from opweave.definitions.outputs import GraphOut


@overload
def graph_asset(function: Callable[..., Any], /) -> AssetsDefinition: ...


@overload
def graph_asset(
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, Any] | None = None,
    config: object = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    group_name: str | None = None,
    partitions_def: object = None,
    hooks: object = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    owners: Sequence[str] | None = None,
    kinds: Set[str] | None = None,
    automation_condition: object = None,
    freshness_policy: object = None,
    backfill_policy: object = None,
    resource_defs: Mapping[str, Any] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    code_version: str | None = None,
    key: CoercibleToAssetKey = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]: ...


def graph_asset(function: Any = None, /, **options: Any) -> Any:
    """Make a function that connects ops an asset: its parameters are upstream assets, what it returns is the asset.

    Args:
        function: The body, as under ``@graph``.
        options: As for ``@asset``; ops have their own tags, retries and config.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    if function is None:
        return lambda body: _graph_asset(body, **options)
    return _graph_asset(function, **options)


def _graph_asset(
    function: Any,
    *,
    name: str | None = None,
    key: CoercibleToAssetKey = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    description: str | None = None,
    ins: Mapping[str, Any] | None = None,
    config: object = None,
    hooks: object = None,
    backfill_policy: object = None,
    resource_defs: Mapping[str, Any] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    **spec_options: Any,
) -> AssetsDefinition:
    body = bodies.checked_function(function, "graph_asset")
    asset_key = own_key(body, key, name, key_prefix)
    owner = f"asset {asset_key.to_user_string()!r} ({origins.origin_of(body)})"
    unsupported.refuse(owner, config=config, hooks=hooks, backfill_policy=backfill_policy)
    checks = own_checks(check_specs, {asset_key}, owner)
    graph: graphs.GraphDefinition = graphs.ComposedGraph.from_body(
        body, name=asset_key.to_python_identifier(), description=description
    )
    names = {check.get_python_identifier() for check in checks} | {check.name for check in checks}
    outputs = [output for output in graph.outputs if output not in names]
    if len(outputs) != 1:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} returns {', '.join(outputs) or 'nothing'}: return the one output that is the asset; several assets "
            "are made by @graph_multi_asset"
        )
    inputs = _inputs(graph, ins, owner)
    spec = AssetSpec(
        asset_key,
        deps=inputs.keys.values(),
        description=description or inspect.getdoc(body),
        **spec_options,
    )
    return AssetsDefinition(
        node_def=graph,
        specs=[spec],
        keys_by_input_name=inputs.keys,
        keys_by_output_name={outputs[0]: asset_key},
        check_specs=checks,
        resource_defs=resource_defs,
        guessed_inputs=inputs.guessed,
    )


def graph_multi_asset(
    *,
    outs: Mapping[str, AssetOut],
    name: str | None = None,
    ins: Mapping[str, Any] | None = None,
    config: object = None,
    group_name: str | None = None,
    can_subset: bool = False,
    resource_defs: Mapping[str, Any] | None = None,
    check_specs: Sequence[AssetCheckSpec] | None = None,
    partitions_def: object = None,
    hooks: object = None,
    backfill_policy: object = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Make a function that connects ops write several assets: what it returns, by the names of *outs*, is theirs.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """

    def decorate(function: Callable[..., Any]) -> AssetsDefinition:
        body = bodies.checked_function(function, "graph_multi_asset")
        own_name = name or body.__name__
        owner = f"multi-asset {own_name!r} ({origins.origin_of(body)})"
        unsupported.refuse(
            owner,
            config=config,
            partitions_def=partitions_def,
            hooks=hooks,
            backfill_policy=backfill_policy,
            can_subset=can_subset,
        )
        graph: graphs.GraphDefinition = graphs.ComposedGraph.from_body(
            body, name=own_name, out=_graph_outs(outs, check_specs or ())
        )
        inputs = _inputs(graph, ins, owner)
        specs, keys = [], {}
        for output, described in outs.items():
            if not isinstance(described, AssetOut):
                raise errors.OpweaveInvalidDefinitionError(
                    f"{owner} describes its output {output!r} by {shown(described)}: give an AssetOut"
                )
            spec = described.to_spec(output, list(inputs.keys.values()), group_name)
            specs.append(spec)
            keys[output] = spec.key
        return AssetsDefinition(
            node_def=graph,
            specs=specs,
            keys_by_input_name=inputs.keys,
            keys_by_output_name=keys,
            check_specs=own_checks(check_specs, set(keys.values()), owner),
            resource_defs=resource_defs,
            guessed_inputs=inputs.guessed,
        )

    return decorate


def _graph_outs(
    outs: Mapping[str, AssetOut], checks: Sequence[AssetCheckSpec]
) -> dict[str, GraphOut]:
    names = [*outs, *(check.get_python_identifier() for check in checks)]
    return {name: GraphOut() for name in names}


def _inputs(
    graph: graphs.GraphDefinition, ins: Mapping[str, Any] | None, owner: str
) -> bodies.BodyInputs:
    names: Iterable[str] = graph.inputs
    return bodies.body_inputs(names, ins, (), owner)
