"""Checks of assets, without the code that makes them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opweave.definitions import metadata as metadata_values
from opweave.definitions import origin as origins
from opweave.definitions import unsupported
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey
from opweave.definitions.assets.spec import AssetDep


class AssetCheckSeverity(enum.StrEnum):
    """What a failed check means."""

    WARN = "WARN"
    """The data may be looked at."""
    ERROR = "ERROR"
    """The data is not good; if the check is blocking, nothing downstream is made of it."""


class AssetCheckKey(NamedTuple):
    """Which check of which asset."""

    asset_key: AssetKey
    name: str

    def to_user_string(self) -> str:
        """Return ``asset:name``."""
        return f"{self.asset_key.to_user_string()}:{self.name}"

    def to_python_identifier(self) -> str:
        """Return a name of letters, digits and underscores."""
        return f"{self.asset_key.to_python_identifier()}_{self.name}"


class AssetCheckSpec:
    """A check of an asset.

    Args:
        name: Unique among the checks of the asset: letters, digits, underscores.
        asset: The asset, or its key.
        additional_deps: Other assets that it looks at.
        blocking: When it fails with `AssetCheckSeverity.ERROR`, downstream assets in the same run are skipped.
        metadata: Of the definition.
    """

    def __init__(
        self,
        name: str,
        *,
        asset: CoercibleToAssetKey,
        description: str | None = None,
        additional_deps: Iterable[Any] | None = None,
        blocking: bool = False,
        metadata: Mapping[str, Any] | None = None,
        automation_condition: object = None,
        partitions_def: object = None,
    ) -> None:
        self.asset_key = AssetKey.from_coercible(asset)
        owner = f"a check of asset {self.asset_key.to_user_string()!r}"
        self.name = origins.checked_name(name, owner, origins.caller_origin())
        unsupported.refuse(
            f"check {name!r} of asset {self.asset_key.to_user_string()!r}",
            automation_condition=automation_condition,
            partitions_def=partitions_def,
        )
        self.description = description
        self.additional_deps = [AssetDep.from_coercible(dep) for dep in additional_deps or ()]
        self.blocking = blocking
        self.metadata = metadata_values.normalize_metadata(metadata)

    @property
    def key(self) -> AssetCheckKey:
        """Its key."""
        return AssetCheckKey(self.asset_key, self.name)

    def for_asset(self, asset_key: AssetKey) -> AssetCheckSpec:
        """Return the same check of the asset *asset_key*."""
        return AssetCheckSpec(
            self.name,
            asset=asset_key,
            description=self.description,
            additional_deps=self.additional_deps,
            blocking=self.blocking,
            metadata=self.metadata,
        )

    def get_python_identifier(self) -> str:
        """Return a name of letters, digits and underscores: what the output of the check is called."""
        return self.key.to_python_identifier()

    def __repr__(self) -> str:
        return f"AssetCheckSpec({self.key.to_user_string()!r})"
