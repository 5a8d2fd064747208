"""Contexts for calling the functions of assets and checks directly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.definitions.assets.assets_definition import AssetsDefinition
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey
from opweave.definitions.assets.spec import AssetSpec
from opweave.definitions.assets.use import AssetUse
from opweave.execution.asset_context import AssetCheckExecutionContext, AssetExecutionContext
from opweave.testing.contexts import DirectOpExecutionContext, build_op_context


class DirectAssetExecutionContext(AssetExecutionContext, DirectOpExecutionContext):
    """A context for calling an asset directly; as a context manager it tears its resources down."""


class DirectAssetCheckExecutionContext(AssetCheckExecutionContext, DirectOpExecutionContext):
    """A context for calling a check directly; as a context manager it tears its resources down."""


def build_asset_context(
    resources: Mapping[str, Any] | None = None,
    asset_config: Any = None,
    asset_key: CoercibleToAssetKey = None,
    run_tags: Mapping[str, str] | None = None,
    retry_number: int = 0,
    run_id: str = "EPHEMERAL",
) -> DirectAssetExecutionContext:
    """Return a context for calling an asset directly in a test.

    Arguments in short:
        asset_config: The asset's config, as it stands in YAML or as a `Config` object.
        asset_key: What ``context.asset_key`` gives.
        Others: As for `build_op_context`.
    """
    made = build_op_context(
        resources=resources,
        op_config=asset_config,
        run_tags=run_tags,
        retry_number=retry_number,
        run_id=run_id,
    )
    context = DirectAssetExecutionContext.__new__(DirectAssetExecutionContext)
    context.__dict__.update(made.__dict__, _assets=None, asset_versions={}, asset_metadata={})
    if asset_key is not None:
        spec = AssetSpec(AssetKey.from_coercible(asset_key))
        context._assets = AssetUse(AssetsDefinition(specs=[spec]), {"result": spec})
    return context


def build_asset_check_context(
    resources: Mapping[str, Any] | None = None, asset_config: Any = None
) -> DirectAssetCheckExecutionContext:
    """Return a context for calling a check directly in a test; arguments as for `build_asset_context`."""
    made = build_op_context(resources=resources, op_config=asset_config)
    context = DirectAssetCheckExecutionContext.__new__(DirectAssetCheckExecutionContext)
    context.__dict__.update(made.__dict__, _assets=None, asset_versions={}, asset_metadata={})
    return context
