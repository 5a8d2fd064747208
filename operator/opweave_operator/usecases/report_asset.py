"""Take what is told of assets from outside of any run: by other systems, by people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opweave.wire.attempt import DATA_VERSION_TAG
from opweave_operator import ports
from opweave_operator.core import assets as core_assets
from opweave_operator.core.assets import AssetEvent, AssetEventKind

MAX_METADATA_BYTES = 1024 * 1024
"""As an event of a step may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetReport:
    """What is told of one asset.

    Attributes:
        metadata: Plain JSON values by label.
        check_name: With a verdict only.
    """

    key: str
    kind: AssetEventKind
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data_version: str = ""
    check_name: str = ""
    passed: bool = False
    severity: str = "ERROR"
    reported_by: str = ""


class ReportRefused(Exception):
    """The report is wrong; the text says how it should be."""


async def report(assets: ports.AssetStore, clock: ports.Clock, told: AssetReport) -> AssetEvent:
    """Record *told* and return it.

    Raises:
        ReportRefused: It is not of the agreed shape.
    """
    fault = _fault(told)
    if fault:
        raise ReportRefused(fault)
    tags = {"opweave/reported_by": told.reported_by} if told.reported_by else {}
    if told.data_version:
        tags[DATA_VERSION_TAG] = told.data_version
    event = AssetEvent(
        key=told.key,
        kind=told.kind,
        at=clock.now(),
        description=told.description,
        metadata={label: _typed(value) for label, value in told.metadata.items()},
        tags=tags,
        data_version=told.data_version,
        check_name=told.check_name,
        passed=told.passed,
        severity=told.severity if told.kind is AssetEventKind.CHECK else "",
    )
    await assets.report([event])
    return event


def _fault(told: AssetReport) -> str:
    if not 0 < len(told.key) <= core_assets.MAX_KEY_CHARACTERS or "" in told.key.split("/"):
        return (
            f"asset key: give 1 to {core_assets.MAX_KEY_CHARACTERS} characters, parts joined by '/', "
            f"not {told.key[:40]!r}"
        )
    if not core_assets.is_plain(told.key + told.check_name) or len(told.check_name) > 256:
        return "asset key and check name: use plain text, at most 256 characters for the name"
    if len(told.data_version) > core_assets.MAX_VERSION_CHARACTERS:
        return f"data version: give at most {core_assets.MAX_VERSION_CHARACTERS} characters"
    size = len(json.dumps(dict(told.metadata)))
    if size > MAX_METADATA_BYTES:
        return f"metadata: {size} bytes are more than the {MAX_METADATA_BYTES} that one report may have"
    if (told.kind is AssetEventKind.CHECK) != bool(told.check_name):
        return "check name: give one with the verdict of a check, and only then"
    if told.severity not in ("WARN", "ERROR"):
        return f"severity: give WARN or ERROR, not {told.severity[:20]!r}"
    return ""


def _typed(value: Any) -> dict[str, Any]:
    """Return a plain JSON value with its kind, as the runtime writes metadata; one that has a kind already stays."""
    if isinstance(value, dict) and value.keys() == {"type", "value"}:
        return value
    kinds = ((bool, "bool"), (int, "int"), (float, "float"), (str, "text"))
    kind = next((name for kind, name in kinds if isinstance(value, kind)), None)
    return {"type": kind or ("null" if value is None else "json"), "value": value}
