"""Conditions of our custom resources, as kstatus reads them: Ready, Reconciling, Stalled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opweave_operator.adapters.kubernetes import moments

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
MAX_MESSAGE = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where an object stands.

    Attributes:
        is_ready: It does what its spec says.
        reason: CamelCase, the same for all three conditions.
        message: A sentence for people.
        is_reconciling: Something is on its way that needs nobody.
        is_stalled: Somebody must change something.
    """

    is_ready: bool
    reason: str
    message: str = ""
    is_reconciling: bool = False
    is_stalled: bool = False


def merged(
    current: Iterable[Mapping[str, Any]], verdict: Verdict, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Return the conditions after *verdict*: one whose status stays keeps its transition time.

    Conditions of other types are kept: they have other writers.
    """
    before = {c.get("type"): c for c in current}
    wanted = {
        READY: verdict.is_ready,
        RECONCILING: verdict.is_reconciling,
        STALLED: verdict.is_stalled,
    }
    ours = [
        _condition(kind, holds, verdict, before.get(kind), generation, now)
        for kind, holds in wanted.items()
    ]
    return [*ours, *(dict(c) for kind, c in before.items() if kind not in wanted)]


def reason_of(conditions: Iterable[Mapping[str, Any]], kind: str = READY) -> tuple[str, str]:
    """Return status and reason of a condition; empty when it is not there."""
    for condition in conditions:
        if condition.get("type") == kind:
            return str(condition.get("status") or ""), str(condition.get("reason") or "")
    return "", ""


def _condition(
    kind: str,
    holds: bool,
    verdict: Verdict,
    before: Mapping[str, Any] | None,
    generation: int,
    now: datetime,
) -> dict[str, Any]:
    status = "True" if holds else "False"
    since = moments.render(now)
    if before is not None and before.get("status") == status:
        since = str(before.get("lastTransitionTime") or since)
    speaks = holds or kind == READY
    return {
        "type": kind,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": since,
        "reason": verdict.reason if speaks else "Not" + kind,
        "message": verdict.message[:MAX_MESSAGE] if speaks else "",
    }
