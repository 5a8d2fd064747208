"""More about the inputs and outputs of the functions that write assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from opweave.definitions import unsupported
from opweave.definitions.assets.key import (
    AssetKey,
    CoercibleToAssetKey,
    CoercibleToAssetKeyPrefix,
    as_prefix,
)
from opweave.definitions.assets.spec import AssetSpec
from opweave.definitions.inputs import NO_VALUE, In
from opweave.definitions.outputs import Out


class AssetIn:
    """Describes which asset a parameter is, and how its value is loaded.

    Args:
        key: Of the asset; by default the parameter's name, below *key_prefix*.
        key_prefix: Parts before the parameter's name.
        metadata: For the I/O manager that loads it.
        input_manager_key: Key of the resource that loads it, in place of the upstream asset's I/O manager.
        opweave_type: What values are checked against, in place of the annotation; `Nothing` for order only.
    """

    def __init__(
        self,
        key: CoercibleToAssetKey = None,
        metadata: Mapping[str, Any] | None = None,
        key_prefix: CoercibleToAssetKeyPrefix | None = None,
        input_manager_key: str | None = None,
        partition_mapping: object = None,
        opweave_type: Any = NO_VALUE,
    ) -> None:
        unsupported.refuse("AssetIn", partition_mapping=partition_mapping)
        self.key = None if key is None else AssetKey.from_coercible(key)
        self.key_prefix = as_prefix(key_prefix)
        self.metadata = dict(metadata or {})
        self.input_manager_key = input_manager_key
        self.opweave_type = opweave_type

    @property
    def is_explicit(self) -> bool:
        """Whether it says which asset is meant, and not only the parameter's name."""
        return self.key is not None or bool(self.key_prefix)

    def key_for(self, input_name: str) -> AssetKey:
        """Return the key of the asset that the parameter *input_name* is."""
        return self.key or AssetKey([*self.key_prefix, input_name])

    def to_in(self) -> In:
        """Return the op's input."""
        return In(
            self.opweave_type,
            metadata=self.metadata,
            input_manager_key=self.input_manager_key,
        )


class AssetOut:
    """Describes one asset of a multi-asset, beside the name of its output.

    Args:
        key: Of the asset; by default the output's name, below *key_prefix*.
        is_required: False: the body may leave it out.
        io_manager_key: Key of the resource that stores it.
        opweave_type: What its value is checked against.
        Others: As for `AssetSpec`.
    """

    def __init__(
        self,
        key_prefix: CoercibleToAssetKeyPrefix | None = None,
        key: CoercibleToAssetKey = None,
        opweave_type: Any = NO_VALUE,
        description: str | None = None,
        is_required: bool = True,
        io_manager_key: str = "io_manager",
        metadata: Mapping[str, Any] | None = None,
        group_name: str | None = None,
        code_version: str | None = None,
        automation_condition: object = None,
        freshness_policy: object = None,
        backfill_policy: object = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        kinds: Set[str] | None = None,
    ) -> None:
        unsupported.refuse(
            "AssetOut",
            automation_condition=automation_condition,
            freshness_policy=freshness_policy,
            backfill_policy=backfill_policy,
        )
        self.key = None if key is None else AssetKey.from_coercible(key)
        self.key_prefix = as_prefix(key_prefix)
        self.opweave_type = opweave_type
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key
        self.metadata = dict(metadata or {})
        self.group_name = group_name
        self.code_version = code_version
        self.owners = owners
        self.tags = tags
        self.kinds = kinds

    @classmethod
    def from_spec(
        cls, spec: AssetSpec, opweave_type: Any = NO_VALUE, io_manager_key: str = "io_manager"
    ) -> AssetOut:
        """Return the output of the asset that *spec* describes."""
        return cls(
            key=spec.key,
            opweave_type=opweave_type,
            description=spec.description,
            is_required=not spec.skippable,
            io_manager_key=io_manager_key,
            metadata=spec.metadata,
            group_name=spec.group_name,
            code_version=spec.code_version,
            owners=spec.owners,
            tags={k: v for k, v in spec.tags.items() if not k.startswith("opweave/kind/")},
            kinds=spec.kinds,
        )

    def to_spec(self, output_name: str, deps: Sequence[Any], group_name: str | None) -> AssetSpec:
        """Return what it tells of its asset; *group_name* is the multi-asset's."""
        return AssetSpec(
            self.key or AssetKey([*self.key_prefix, output_name]),
            deps=deps,
            description=self.description,
            metadata=self.metadata,
            skippable=not self.is_required,
            group_name=self.group_name or group_name,
            code_version=self.code_version,
            owners=self.owners,
            tags=self.tags,
            kinds=self.kinds,
        )

    def to_out(self, is_required: bool) -> Out:
        """Return the op's output."""
        return Out(
            self.opweave_type,
            description=self.description,
            is_required=is_required,
            io_manager_key=self.io_manager_key,
            metadata=self.metadata,
            code_version=self.code_version,
        )
