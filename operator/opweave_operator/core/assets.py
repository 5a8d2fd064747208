"""Assets as the instance knows them: what was written and seen of each last, its history, verdicts of its checks."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opweave.wire import attempt as wire_attempt
from opweave.wire.attempt import EventType

MAX_KEY_CHARACTERS = 512
MAX_VERSION_CHARACTERS = 1024


class AssetEventKind(enum.StrEnum):
    """What an entry of an asset's history tells."""

    MATERIALIZATION = "MATERIALIZATION"
    OBSERVATION = "OBSERVATION"
    CHECK = "CHECK"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEvent:
    """An entry of an asset's history.

    Attributes:
        id: Grows with each entry of the instance; 0 before it is stored.
        run_id: Empty for what was reported from outside of any run.
        output: The step's output that the asset is.
        is_stored: Whether an I/O manager stored its value.
        data_version: Empty when none was told.
        check_name: Of the check, for a verdict.
    """

    id: int = 0
    key: str
    kind: AssetEventKind
    at: datetime
    run_id: str = ""
    step_key: str = ""
    output: str = ""
    is_stored: bool = False
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data_version: str = ""
    check_name: str = ""
    passed: bool = False
    severity: str = ""
    is_blocking: bool = False

    @property
    def code_version(self) -> str:
        """The version of the code that wrote it; empty when none was told."""
        return self.tags.get(wire_attempt.CODE_VERSION_TAG, "")

    @property
    def input_versions(self) -> dict[str, str]:
        """The data version of each asset that it was made of."""
        prefix = wire_attempt.INPUT_VERSION_TAG_PREFIX
        return {k.removeprefix(prefix): v for k, v in self.tags.items() if k.startswith(prefix)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetState:
    """What is known of an asset: the last of each kind."""

    key: str
    materialization: AssetEvent | None = None
    observation: AssetEvent | None = None

    @property
    def data_version(self) -> str:
        """The version of the data as it is, so far as anybody told; empty when nobody did."""
        told = [e for e in (self.materialization, self.observation) if e and e.data_version]
        return max(told, key=lambda event: event.id).data_version if told else ""


def told_by(
    kind: EventType, payload: Any, *, at: datetime, run_id: str, step_key: str
) -> AssetEvent | None:
    """Return what an event of a run tells of an asset; None when it tells nothing, or not in the agreed shape.

    Any: the payload comes from a user's process. An event is never refused for it: it stays in the run's log as it is.
    """
    known = _KINDS.get(kind)
    if known is None or not isinstance(payload, dict):
        return None
    key = key_of(payload.get("asset_key"))
    if key is None:
        return None
    tags = {k: v for k, v in _mapping(payload.get("tags")).items() if isinstance(v, str)}
    description = payload.get("description")
    return AssetEvent(
        key=key,
        kind=known,
        at=at,
        run_id=run_id,
        step_key=step_key,
        output=_text(payload.get("output")),
        is_stored=payload.get("is_stored") is True,
        description=description if isinstance(description, str) else None,
        metadata=_mapping(payload.get("metadata")),
        tags=tags,
        data_version=tags.get(wire_attempt.DATA_VERSION_TAG, "")[:MAX_VERSION_CHARACTERS],
        check_name=_text(payload.get("check_name")),
        passed=payload.get("passed") is True,
        severity=_text(payload.get("severity"))[:16],
        is_blocking=payload.get("is_blocking") is True,
    )


def key_of(path: object) -> str | None:
    """Return the key that the parts in *path* make, as people write it; None when they make none."""
    if not isinstance(path, Sequence) or isinstance(path, str) or not path:
        return None
    if not all(isinstance(part, str) and part and is_plain(part) for part in path):
        return None
    key = "/".join(part.replace("/", r"\/") for part in path)
    return key if len(key) <= MAX_KEY_CHARACTERS else None


def is_plain(text: str) -> bool:
    """Return whether a database takes *text* as a name: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:256] if isinstance(value, str) and is_plain(value) else ""


_KINDS = {
    EventType.ASSET_MATERIALIZATION: AssetEventKind.MATERIALIZATION,
    EventType.ASSET_OBSERVATION: AssetEventKind.OBSERVATION,
    EventType.ASSET_CHECK_EVALUATION: AssetEventKind.CHECK,
}
