"""Verdicts of checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import metadata as metadata_values
from opweave.definitions.assets.check_spec import AssetCheckSeverity
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey


class AssetCheckResult:
    """The verdict of a check.

    Args:
        passed: Whether the data is as the check wants it.
        asset_key: Needed where the body checks several assets.
        check_name: Needed where the body makes several checks.
        metadata: What the check saw.
        severity: What a failure means.
        description: In words, for people.
    """

    def __init__(
        self,
        *,
        passed: bool,
        asset_key: CoercibleToAssetKey = None,
        check_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
        description: str | None = None,
    ) -> None:
        # numpy has a bool of its own, which comparisons of data frames give.
        if type(passed).__name__ not in ("bool", "bool_"):
            raise errors.OpweaveInvariantViolationError(
                f"AssetCheckResult is given passed={shown(passed)}: give a bool"
            )
        if severity not in tuple(AssetCheckSeverity):
            raise errors.OpweaveInvariantViolationError(
                f"AssetCheckResult is given severity={shown(severity)}: give AssetCheckSeverity.WARN or .ERROR"
            )
        self.passed = bool(passed)
        self.asset_key = None if asset_key is None else AssetKey.from_coercible(asset_key)
        self.check_name = check_name
        self.metadata = metadata_values.normalize_metadata(metadata)
        self.severity = AssetCheckSeverity(severity)
        self.description = description

    @property
    def success(self) -> bool:
        """The same as ``passed``."""
        return self.passed

    def __repr__(self) -> str:
        return f"AssetCheckResult(passed={self.passed}, check_name={self.check_name!r})"
