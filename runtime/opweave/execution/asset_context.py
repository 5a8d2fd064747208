"""What the body of an asset, or of a check, knows of its step beside what an op's knows."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.definitions import metadata as metadata_values
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey
from opweave.execution.context import OpExecutionContext

if TYPE_CHECKING:
    from opweave.definitions.assets.assets_definition import AssetsDefinition
    from opweave.definitions.assets.check_spec import AssetCheckKey, AssetCheckSpec
    from opweave.definitions.assets.use import AssetUse


class AssetExecutionContext(OpExecutionContext):
    """What the body of an asset knows of its step.

    Attributes:
        asset_versions: Data versions of upstream assets, by written key, as they were when the step started.
        asset_metadata: What `add_asset_metadata` attached, by key.
    """

    def __init__(
        self,
        *,
        assets: AssetUse | None = None,
        asset_versions: Mapping[str, str] | None = None,
        **op_context: Any,
    ) -> None:
        super().__init__(**op_context)
        self._assets = assets
        self.asset_versions = dict(asset_versions or {})
        self.asset_metadata: dict[AssetKey, dict[str, metadata_values.MetadataValue]] = {}

    @property
    def op_execution_context(self) -> OpExecutionContext:
        """The context as an op's: it is one."""
        return self

    @property
    def has_assets_def(self) -> bool:
        """Whether the step belongs to an asset."""
        return self._assets is not None

    @property
    def is_for_assets(self) -> bool:  # type: ignore[override]  # a constant there, because an op's never is
        """Whether the step belongs to an asset."""
        return self._assets is not None

    @property
    def asset_use(self) -> AssetUse:
        """What the step has to do with assets."""
        return self._use("asset_use")

    def _use(self, what: str) -> AssetUse:
        if self._assets is None:
            raise errors.OpweaveInvariantViolationError(
                f"context.{what} is used outside of a run of an asset; pass the context of build_asset_context(asset_key=...)"
            )
        return self._assets

    @property
    def assets_def(self) -> AssetsDefinition:
        """The asset or assets whose body it is."""
        return self._use("assets_def").definition

    @property
    def has_asset_key(self) -> bool:
        """Whether the step writes exactly one asset."""
        return self._assets is not None and len(self._assets.definition.keys) == 1

    @property
    def asset_key(self) -> AssetKey:
        """The asset that the body writes.

        Raises:
            OpweaveInvariantViolationError: It writes several, or none.
        """
        keys = self._use("asset_key").definition.keys
        if len(keys) != 1:
            raise errors.OpweaveInvariantViolationError(
                f"context.asset_key is used by {self.step_key}, which writes {len(keys)} assets: use "
                "context.selected_asset_keys, or asset_key_for_output(name)"
            )
        return next(iter(keys))

    @property
    def selected_asset_keys(self) -> Set[AssetKey]:
        """The assets that this run asks the body for."""
        return {spec.key for spec in self._use("selected_asset_keys").outputs.values()}

    @property
    def selected_output_names(self) -> Set[str]:
        """The outputs of the assets that this run asks the body for."""
        return set(self._use("selected_output_names").outputs)

    @property
    def selected_asset_check_keys(self) -> Set[AssetCheckKey]:
        """The checks that this run asks the body for."""
        return {check.key for check in self._use("selected_asset_check_keys").checks}

    @property
    def check_specs(self) -> tuple[AssetCheckSpec, ...]:
        """The checks that this run asks the body for."""
        return self._use("check_specs").checks

    @property
    def is_subset(self) -> bool:
        """Whether this run asks the body for a part of its assets."""
        return self.selected_asset_keys != set(self.assets_def.keys)

    def asset_key_for_output(self, output_name: str = "result") -> AssetKey:
        """Return the asset that the output *output_name* is."""
        return self._named(self.assets_def.keys_by_output_name, output_name, "output")

    def output_for_asset_key(self, asset_key: AssetKey) -> str:
        """Return the output that the asset *asset_key* is."""
        name = self.assets_def.output_name_for(asset_key)
        if name is None:
            raise self._not_written(asset_key)
        return name

    def asset_key_for_input(self, input_name: str) -> AssetKey:
        """Return the asset that the parameter *input_name* is."""
        return self._named(self.assets_def.keys_by_input_name, input_name, "input")

    def _named(self, keys: Mapping[str, AssetKey], name: str, kind: str) -> AssetKey:
        if name not in keys:
            hint = errors.did_you_mean(name, keys) or f"; it has: {', '.join(keys) or 'none'}"
            raise errors.OpweaveInvariantViolationError(
                f"{self.step_key} has no {kind} {name!r:.100} that is an asset{hint}"
            )
        return keys[name]

    def _not_written(self, key: AssetKey) -> errors.OpweaveInvariantViolationError:
        known = [own.to_user_string() for own in self.assets_def.keys]
        hint = (
            errors.did_you_mean(key.to_user_string(), known) or f"; it writes: {', '.join(known)}"
        )
        return errors.OpweaveInvariantViolationError(
            f"{self.step_key} does not write the asset {key.to_user_string()!r}{hint}"
        )

    def add_asset_metadata(
        self, metadata: Mapping[str, Any], asset_key: CoercibleToAssetKey = None
    ) -> None:
        """Attach *metadata* to the materialisation of an asset that the body has not given yet.

        Arguments in short:
            asset_key: May be left out where the body writes one asset.

        Raises:
            OpweaveInvariantViolationError: The body does not write it.
        """
        key = self.asset_key if asset_key is None else AssetKey.from_coercible(asset_key)
        if key not in self.assets_def.keys:
            raise self._not_written(key)
        added = metadata_values.normalize_metadata(metadata)
        self.asset_metadata.setdefault(key, {}).update(added)


class AssetCheckExecutionContext(AssetExecutionContext):
    """What the body of a check knows of its step."""
