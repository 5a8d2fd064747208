"""Turn ``dagster.yaml`` into ``opweave.yaml``, the ``spec`` of an Instance: settings that have a meaning here, the rest told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from opweave._cli.migration.result import Migrated

_HEAD = "# The spec of an Instance (docs/reference/crds.md); made from dagster.yaml.\n"
_SETTINGS = {
    ("run_queue", "max_concurrent_runs"): ("runQueue", "maxConcurrentRuns"),
    ("run_coordinator", "config", "max_concurrent_runs"): ("runQueue", "maxConcurrentRuns"),
    ("concurrency", "runs", "max_concurrent_runs"): ("runQueue", "maxConcurrentRuns"),
    ("run_monitoring", "start_timeout_seconds"): ("runMonitoring", "startTimeoutSeconds"),
    ("run_monitoring", "cancel_timeout_seconds"): ("runMonitoring", "cancelTimeoutSeconds"),
    ("run_monitoring", "max_runtime_seconds"): ("runMonitoring", "maxRuntimeSeconds"),
}
_TAG_LIMITS = {
    ("run_queue", "tag_concurrency_limits"),
    ("run_coordinator", "config", "tag_concurrency_limits"),
    ("concurrency", "runs", "tag_concurrency_limits"),
}
_WITHOUT_EFFECT = {
    "telemetry": "opweave sends none",
    "nux": "there is nothing to switch off",
    "local_artifact_storage": "artifacts are in the home of the instance, or in spec.artifacts",
    "compute_logs": "logs are kept by the instance",
    "run_launcher": "runs are native: one Job each on a cluster, processes on a laptop",
    "scheduler": "ticks are the controller's own",
    "storage": "spec.storage has postgresql with a Secret; on a laptop --database-url",
    "run_storage": "spec.storage has postgresql with a Secret; on a laptop --database-url",
    "event_log_storage": "spec.storage has postgresql with a Secret; on a laptop --database-url",
    "schedule_storage": "spec.storage has postgresql with a Secret; on a laptop --database-url",
}

Path = tuple[str, ...]


def migrate(text: str) -> Migrated:
    """Return the new file; text that is no mapping comes back as it is, with a finding."""
    result = Migrated(text)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        result.find(
            mark.line + 1 if mark else 1, "is not YAML that can be read, and was left alone"
        )
        return result
    if not isinstance(content, dict) or not isinstance(root, yaml.MappingNode):
        result.find(1, "holds no settings")
        return result
    spec: dict[str, Any] = {}
    for path, node in _leaves(root, ()):
        value = _at(content, path)
        new = _SETTINGS.get(path)
        line = node.start_mark.line + 1
        if new is not None and type(value) is int and (value > 0 or value == -1):
            spec.setdefault(new[0], {})[new[1]] = value
            result.renamed["settings"] += 1
        elif path in _TAG_LIMITS and isinstance(value, list):
            limits = [_tag_limit(entry) for entry in value]
            spec.setdefault("runQueue", {})["tagLimits"] = [limit for limit in limits if limit]
            result.renamed["settings"] += 1
            if None in limits:
                result.find(line, "a tag limit could not be read")
        else:
            result.find(line, f"{'.'.join(path)}: {_why_not(path)}")
    body = yaml.safe_dump(spec, sort_keys=False) if spec else "{}\n"
    result.text = _HEAD + body
    result.path = "opweave.yaml"
    result.renamed["file names"] += 1
    return result


def _why_not(path: Path) -> str:
    return _WITHOUT_EFFECT.get(
        path[0], "has no counterpart; docs/reference/crds.md lists the settings"
    )


def _leaves(node: yaml.MappingNode, path: Path) -> Iterator[tuple[Path, yaml.Node]]:
    """Yield settings: each that is known, and of the rest the outermost key."""
    for key, value in node.value:
        inner = (*path, str(key.value))
        wanted = [known for known in (*_SETTINGS, *_TAG_LIMITS) if known[: len(inner)] == inner]
        if wanted and inner not in wanted and isinstance(value, yaml.MappingNode):
            yield from _leaves(value, inner)
        else:
            yield inner, key


def _at(content: Any, path: Path) -> Any:
    for key in path:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


def _tag_limit(entry: Any) -> dict[str, Any] | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("limit"), int):
        return None
    limit = {
        "key": str(entry.get("key", "")).replace("dagster/", "opweave/"),
        "limit": entry["limit"],
    }
    value = entry.get("value")
    if isinstance(value, Mapping):
        return {**limit, "valuePerUnique": True} if value.get("applyLimitPerUniqueValue") else None
    return None if value is None else {**limit, "value": str(value)}
