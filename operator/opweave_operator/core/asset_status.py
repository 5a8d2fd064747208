"""Whether each asset is as its code and its inputs would have it now, and if not, why. One pass over the graph."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opweave.wire import location as wire_location
from opweave_operator.core.assets import AssetState

INITIAL_VERSION = "INITIAL"
"""Data version, as an input of others, of an asset that nobody wrote or saw; the runtime writes the same."""


class StaleStatus(enum.StrEnum):
    """How an asset stands to its code and its inputs."""

    FRESH = "FRESH"
    STALE = "STALE"
    MISSING = "MISSING"


class CauseCategory(enum.StrEnum):
    """What has changed since an asset was written."""

    CODE = "CODE"
    DATA = "DATA"
    DEPENDENCIES = "DEPENDENCIES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason why an asset is stale; *dependency* is the upstream asset, if it lies there."""

    category: CauseCategory
    reason: str
    dependency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetStatus:
    """How an asset stands, and why."""

    status: StaleStatus
    causes: tuple[Cause, ...] = ()


_FRESH = AssetStatus(status=StaleStatus.FRESH)
_MISSING = AssetStatus(status=StaleStatus.MISSING)


def statuses(
    assets: Iterable[wire_location.AssetSnapshot], states: Mapping[str, AssetState]
) -> dict[str, AssetStatus]:
    """Return how each of *assets*, upstream before downstream, stands; those that others write are FRESH."""
    found: dict[str, AssetStatus] = {}
    for asset in assets:
        found[asset.key] = _status(asset, states, found)
    return found


def _status(
    asset: wire_location.AssetSnapshot,
    states: Mapping[str, AssetState],
    above: Mapping[str, AssetStatus],
) -> AssetStatus:
    if asset.op is None or asset.is_observable:
        return _FRESH
    state = states.get(asset.key)
    written = state.materialization if state else None
    if written is None:
        return _MISSING
    causes = []
    if asset.code_version and written.code_version and written.code_version != asset.code_version:
        causes.append(
            Cause(
                category=CauseCategory.CODE,
                reason=f"its code is version {asset.code_version}, it was written by version {written.code_version}",
            )
        )
    used = written.input_versions
    # What was reported from outside of a run tells no inputs.
    if used or written.run_id:
        causes += _dependency_causes(asset, used, states, above)
    return AssetStatus(status=StaleStatus.STALE, causes=tuple(causes)) if causes else _FRESH


def _dependency_causes(
    asset: wire_location.AssetSnapshot,
    used: Mapping[str, str],
    states: Mapping[str, AssetState],
    above: Mapping[str, AssetStatus],
) -> list[Cause]:
    causes = []
    for key in asset.upstream:
        upstream = states.get(key)
        now = (upstream.data_version if upstream else "") or INITIAL_VERSION
        if key not in used:
            reason = f"it is made of {key} now, and was not when it was written"
            causes.append(Cause(category=CauseCategory.DEPENDENCIES, reason=reason, dependency=key))
        elif used[key] != now:
            reason = f"{key} has new data since it was written"
            causes.append(Cause(category=CauseCategory.DATA, reason=reason, dependency=key))
        elif key in above and above[key].status is StaleStatus.STALE:
            reason = f"{key}, which it is made of, is stale"
            causes.append(Cause(category=CauseCategory.DEPENDENCIES, reason=reason, dependency=key))
    known = set(asset.upstream)
    causes += [
        Cause(
            category=CauseCategory.DEPENDENCIES,
            reason=f"it is not made of {key} any more",
            dependency=key,
        )
        for key in sorted(used)
        if key not in known
    ]
    return causes
