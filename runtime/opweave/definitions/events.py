"""What a body may yield, log or raise beside plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opweave import errors
from opweave.deferred import deferred_module
from opweave.definitions import metadata as metadata_values

if TYPE_CHECKING:
    from opweave.definitions.assets import key as asset_keys
    from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey
    from opweave.definitions.assets.results import DataVersion
    from opweave.wire import mapped_steps
else:
    asset_keys = deferred_module("opweave.definitions.assets.key")
    mapped_steps = deferred_module("opweave.wire.mapped_steps")

T = TypeVar("T")


class Output(Generic[T]):
    """A value for one output, with metadata.

    Args:
        output_name: Which output; needed when the op has several.
    """

    def __init__(
        self,
        value: T,
        output_name: str = "result",
        metadata: Mapping[str, Any] | None = None,
        data_version: str | DataVersion | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.value = value
        self.output_name = output_name
        self.metadata = metadata_values.normalize_metadata(metadata)
        # A text, or a DataVersion, whose module most steps do not load.
        text: Any = data_version
        self.data_version: str | None = getattr(text, "value", text)
        self.tags = dict(tags or {})

    def renamed(self, output_name: str) -> Output[T]:
        """Return the same for another output."""
        return Output(self.value, output_name, self.metadata, self.data_version, self.tags)

    def with_metadata(self, metadata: Mapping[str, Any]) -> Output[T]:
        """Return the same with more *metadata*."""
        merged = {**self.metadata, **metadata}
        return Output(self.value, self.output_name, merged, self.data_version, self.tags)

    def __repr__(self) -> str:
        return f"Output({self.value!r:.80}, {self.output_name!r})"


class DynamicOutput(Output[T]):
    """One member of a dynamic output: for each the steps that are mapped over it run once.

    Args:
        mapping_key: Tells it from the other members; letters, digits and underscores. It becomes part of step keys, as in
            ``resize[cover]``.

    Raises:
        OpweaveInvalidDefinitionError: *mapping_key* is something else.
    """

    def __init__(
        self,
        value: T,
        mapping_key: str,
        output_name: str = "result",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(value, output_name, metadata)
        if not mapped_steps.is_mapping_key(mapping_key):
            raise errors.OpweaveInvalidDefinitionError(
                f"{mapping_key!r:.120} cannot be a mapping key: use a text of letters, digits and underscores, "
                f"{mapped_steps.MAX_MAPPING_KEY_LENGTH} at most"
            )
        self.mapping_key = mapping_key

    def renamed(self, output_name: str) -> DynamicOutput[T]:
        """Return the same for another output."""
        return DynamicOutput(self.value, self.mapping_key, output_name, self.metadata)

    def with_metadata(self, metadata: Mapping[str, Any]) -> DynamicOutput[T]:
        """Return the same with more *metadata*."""
        merged = {**self.metadata, **metadata}
        return DynamicOutput(self.value, self.mapping_key, self.output_name, merged)

    def __repr__(self) -> str:
        return f"DynamicOutput({self.value!r:.80}, {self.mapping_key!r}, {self.output_name!r})"


class _AssetEvent:
    """An event about an asset: its key as a path, with metadata."""

    def __init__(
        self,
        asset_key: CoercibleToAssetKey,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.asset_key: AssetKey = asset_keys.AssetKey.from_coercible(asset_key)
        self.description = description
        self.metadata = metadata_values.normalize_metadata(metadata)
        self.partition = partition
        self.tags = dict(tags or {})


class AssetMaterialization(_AssetEvent):
    """Tells that an asset was written."""


class AssetObservation(_AssetEvent):
    """Tells what was seen of an asset without writing it."""


class ExpectationResult:
    """Tells whether something that was expected of data holds; a failed one does not fail the step."""

    def __init__(
        self,
        success: bool,
        label: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.success = success
        self.label = label
        self.description = description
        self.metadata = metadata_values.normalize_metadata(metadata)


class Failure(Exception):  # the field's own name
    """Raise it to fail a step with a description and metadata.

    Args:
        allow_retries: False fails the step at once, whatever its retry policy.
    """

    def __init__(
        self,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        allow_retries: bool = True,
    ) -> None:
        super().__init__(description or "")
        self.description = description
        self.metadata = metadata_values.normalize_metadata(metadata)
        self.allow_retries = allow_retries


class RetryRequested(Exception):  # the field's own name
    """Raise it to have the step tried again.

    Args:
        max_retries: No more retries of this step than that, whatever asked for the earlier ones.
        seconds_to_wait: Before the next try; None means at once.
    """

    def __init__(self, max_retries: int = 1, seconds_to_wait: float | None = None) -> None:
        super().__init__()
        self.max_retries = max_retries
        self.seconds_to_wait = seconds_to_wait
