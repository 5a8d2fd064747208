"""Which settings of an Instance this version does not obey yet, and whether its storage is the one in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BUCKETS = ("gcs", "azure")


def without_effect(spec: Mapping[str, Any]) -> list[str]:
    """Return the fields of *spec* that somebody set and that do nothing in this version, as paths under ``spec``."""
    artifacts = _section(spec, "artifacts")
    found = [f"artifacts.{kind}" for kind in _BUCKETS if kind in artifacts]
    if spec.get("runCoordinator"):
        found.append("runCoordinator")
    if spec.get("pools"):
        found.append("pools")
    if _section(spec, "runRetries").get("maxRetries"):
        found.append("runRetries")
    if spec.get("notifications"):
        found.append("notifications")
    return found


def storage_mismatch(spec: Mapping[str, Any], database_url: str) -> str:
    """Return what is wrong when ``spec.storage`` names another database than the one at *database_url*; else nothing."""
    storage = _section(spec, "storage")
    runs_sqlite = database_url.startswith("sqlite")
    if "postgresql" in storage and runs_sqlite:
        return (
            "spec.storage.postgresql is set, but the operator runs on SQLite: set the chart value"
            " database.existingSecret to the Secret with the URL, or create the Instance anew without"
            " spec.storage. The settings stored before stay in effect"
        )
    if "sqlite" in storage and not runs_sqlite:
        return (
            "spec.storage.sqlite is set, but the operator runs on PostgreSQL: remove spec.storage, or empty the"
            " chart value database.existingSecret to run on SQLite. The settings stored before stay in effect"
        )
    return ""


def _section(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = spec.get(name)
    return section if isinstance(section, Mapping) else {}
