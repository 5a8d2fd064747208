"""Read the spec of a Schedule or Sensor: as the API server or the schema of its CRD has accepted it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave_operator.core import ticks
from opweave_operator.core.instigators import Declaration, Kind


def declaration_of(kind: Kind, namespace: str, name: str, spec: Mapping[str, Any]) -> Declaration:
    """Return what *spec* declares; what is absent has its default."""
    return Declaration(
        kind=kind,
        namespace=namespace,
        name=name,
        location=spec.get("codeLocation") or "",
        code_name=spec.get("schedule" if kind is Kind.SCHEDULE else "sensor") or "",
        job=spec.get("job") or "",
        cron=spec.get("cron") or "",
        time_zone=spec.get("timeZone") or "",
        is_suspended=bool(spec.get("suspend")),
        catch_up=ticks.CatchUp(spec.get("catchUp") or ticks.CatchUp.LATEST),
        starting_deadline_seconds=spec.get("startingDeadlineSeconds"),
        interval_seconds=spec.get("intervalSeconds"),
        timeout_seconds=spec.get("timeoutSeconds"),
        watch=spec.get("watch") or {},
    )
