"""The instance's settings, read from ``Instance.spec`` (on a laptop ``opweave.yaml`` holds the same).

Reading is tolerant: the API server or the command line has validated the spec before, and a controller must go on with
what it understands when an older or newer one has stored it. A value of a wrong type counts as not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave_operator.core import model, run_queue

ARTIFACT_KINDS = {"s3": "bucket", "sharedVolume": "claimName"}
"""Where values may be kept other than on the volume of the instance, with the field that each needs."""
_DEFAULT = model.EnginePolicy()


def engine_policy(spec: Mapping[str, Any]) -> model.EnginePolicy:
    """Return the settings that the run engine obeys."""
    monitoring = _section(spec, "runMonitoring")
    retries = _section(spec, "infrastructureRetries")
    return model.EnginePolicy(
        max_infrastructure_retries=_number(
            retries, "maxRetries", _DEFAULT.max_infrastructure_retries
        ),
        start_timeout_seconds=_number(
            monitoring, "startTimeoutSeconds", _DEFAULT.start_timeout_seconds
        ),
        cancel_timeout_seconds=_number(
            monitoring, "cancelTimeoutSeconds", _DEFAULT.cancel_timeout_seconds
        ),
        max_runtime_seconds=_number(monitoring, "maxRuntimeSeconds", 0) or None,
        max_concurrent_runs=max_concurrent_runs(spec),
        finished_run_ttl_seconds=_number(
            spec, "finishedRunTTLSeconds", _DEFAULT.finished_run_ttl_seconds
        ),
    )


def max_concurrent_runs(spec: Mapping[str, Any]) -> int | None:
    """Return how many runs may be active at once; -1 in the spec means no limit, which is None here."""
    limit = _number(
        _section(spec, "runQueue"), "maxConcurrentRuns", _DEFAULT.max_concurrent_runs or 0
    )
    return None if limit < 0 else limit


def queue_limits(
    spec: Mapping[str, Any], per_job_resource: Mapping[tuple[str, str], int]
) -> run_queue.QueueLimits:
    """Return the limits of the run queue, those of declared jobs included."""
    paused = spec.get("paused")
    return run_queue.QueueLimits(
        max_concurrent_runs=max_concurrent_runs(spec),
        per_job_resource=per_job_resource,
        tag_limits=tag_limits(spec),
        is_paused=isinstance(paused, list) and "Launches" in paused,
    )


def paused(spec: Mapping[str, Any]) -> frozenset[str]:
    """Return what is paused, of ``Launches``, ``Schedules`` and ``Sensors``."""
    value = spec.get("paused")
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()


def artifacts(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return where steps keep their values, as ``{kind: settings}``; empty for the artifact endpoint."""
    section = _section(spec, "artifacts")
    for kind, required in ARTIFACT_KINDS.items():
        settings = _section(section, kind)
        if isinstance(settings.get(required), str):
            return {kind: dict(settings)}
    return {}


def tag_limits(spec: Mapping[str, Any]) -> tuple[run_queue.TagLimit, ...]:
    """Return the limits on runs that carry a tag; an entry that cannot be understood is left out."""
    entries = _section(spec, "runQueue").get("tagLimits")
    read = (_tag_limit(entry) for entry in entries) if isinstance(entries, list) else ()
    return tuple(limit for limit in read if limit is not None)


def _tag_limit(entry: object) -> run_queue.TagLimit | None:
    if not isinstance(entry, Mapping):
        return None
    key, value, limit = entry.get("key"), entry.get("value"), entry.get("limit")
    is_per_value = value is None and entry.get("valuePerUnique") is True
    if not isinstance(key, str) or not (isinstance(value, str) or is_per_value):
        return None
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        return None
    return run_queue.TagLimit(key=key, value=value if isinstance(value, str) else None, limit=limit)


def _section(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = spec.get(name)
    return section if isinstance(section, Mapping) else {}


def _number(section: Mapping[str, Any], name: str, default: int) -> int:
    value = section.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
