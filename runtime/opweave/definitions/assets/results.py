"""What the body of an asset may return or yield beside its value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import metadata as metadata_values
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey

if TYPE_CHECKING:
    from opweave.definitions.assets.check_result import AssetCheckResult

T = TypeVar("T")

DEFAULT_DATA_VERSION = "INITIAL"
"""Of an asset that was never written or seen, as an input of others."""

NO_RESULT_VALUE: Any = type("NoResultValue", (), {"__repr__": lambda _self: "NO_RESULT_VALUE"})()
"""Marks a result without a value, since None is one; `Any`, because a value may be of any type."""


class DataVersion:
    """Tells two contents of an asset apart: a text that changes when the data does."""

    # Any: what users give is checked here.
    def __init__(self, value: Any) -> None:
        if not isinstance(value, str) or not 0 < len(value) <= 1024:
            raise errors.OpweaveInvariantViolationError(
                f"{shown(value)} is no data version: give a text of 1 to 1024 characters"
            )
        self.value: str = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataVersion) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"DataVersion({self.value!r})"


def computed_data_version(code_version: str, input_versions: Mapping[str, str]) -> str:
    """Return the data version of what code of *code_version* makes of inputs with *input_versions*, by asset key.

    Arguments in short:
        code_version: Declared; the run's id where none is, so that each run counts as new.
    """
    digest = hashlib.sha256(code_version.encode())
    for key in sorted(input_versions):
        digest.update(f"\n{key}\n{input_versions[key]}".encode())
    return digest.hexdigest()


class _AssetResult:
    """What was done to an asset, told when it is done."""

    def __init__(
        self,
        asset_key: CoercibleToAssetKey = None,
        metadata: Mapping[str, Any] | None = None,
        check_results: Iterable[AssetCheckResult] | None = None,
        data_version: DataVersion | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.asset_key = None if asset_key is None else AssetKey.from_coercible(asset_key)
        self.metadata = metadata_values.normalize_metadata(metadata)
        self.check_results: Sequence[AssetCheckResult] = tuple(check_results or ())
        if data_version is not None and not isinstance(data_version, DataVersion):
            raise errors.OpweaveInvariantViolationError(
                f"data_version is {shown(data_version)}: give DataVersion(...)"
            )
        self.data_version = data_version
        self.tags = dict(tags or {})

    def __repr__(self) -> str:
        key = None if self.asset_key is None else self.asset_key.to_user_string()
        return f"{type(self).__name__}({key!r})"


class MaterializeResult(_AssetResult, Generic[T]):
    """Tells that an asset was written.

    Args:
        asset_key: Needed where the body writes several.
        metadata: Of this materialisation.
        check_results: Of the checks that the asset's ``check_specs`` declare.
        data_version: In place of the one that code version and inputs give.
        tags: Of this materialisation.
        value: For the I/O manager; without one the body has stored the data itself.
    """

    def __init__(
        self,
        asset_key: CoercibleToAssetKey = None,
        metadata: Mapping[str, Any] | None = None,
        check_results: Iterable[AssetCheckResult] | None = None,
        data_version: DataVersion | None = None,
        tags: Mapping[str, str] | None = None,
        value: T = NO_RESULT_VALUE,
    ) -> None:
        super().__init__(asset_key, metadata, check_results, data_version, tags)
        self.value = value


class ObserveResult(_AssetResult):
    """Tells what was seen of an asset that others write; arguments as for `MaterializeResult`, without a value."""
