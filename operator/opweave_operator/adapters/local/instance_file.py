"""``opweave.yaml``: the settings of the instance of this machine, in the words of ``Instance.spec``.

Keys of a ``dagster.yaml`` that have a meaning here are understood too, so that a file that was only renamed goes on working.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from opweave_operator.adapters.local import yaml_documents
from opweave_operator.adapters.local.declarations import DeclarationError, Declarations
from opweave_operator.adapters.local.yaml_documents import Document

NAME = "opweave.yaml"
_OLD_SETTINGS = {
    ("run_queue", "max_concurrent_runs"): ("runQueue", "maxConcurrentRuns"),
    ("run_coordinator", "config", "max_concurrent_runs"): ("runQueue", "maxConcurrentRuns"),
    ("concurrency", "runs", "max_concurrent_runs"): ("runQueue", "maxConcurrentRuns"),
    ("run_monitoring", "start_timeout_seconds"): ("runMonitoring", "startTimeoutSeconds"),
    ("run_monitoring", "cancel_timeout_seconds"): ("runMonitoring", "cancelTimeoutSeconds"),
    ("run_monitoring", "max_runtime_seconds"): ("runMonitoring", "maxRuntimeSeconds"),
}
_OLD_SECTIONS = frozenset(
    (
        *("run_queue", "run_coordinator", "run_launcher", "run_monitoring", "run_retries"),
        *("concurrency", "compute_logs", "local_artifact_storage", "python_logs", "telemetry"),
        *("run_storage", "event_log_storage", "schedule_storage", "schedules", "sensors", "nux"),
        *("backfills", "auto_materialize", "code_servers", "scheduler", "secrets", "freshness"),
        "instance_class",
    )
)


def candidates(home: Path, working_directory: Path) -> tuple[Path, ...]:
    """Return where the file may be: the home of the instance, then the directory that is worked in."""
    return tuple(dict.fromkeys((home / NAME, working_directory.absolute() / NAME)))


def load(home: Path, working_directory: Path) -> Declarations:
    """Return the settings of the file; nothing when there is none.

    Raises:
        DeclarationError: There are two of them, or one is wrong; the text names the field.
    """
    found = [path for path in candidates(home, working_directory) if path.is_file()]
    if not found:
        return Declarations()
    if len(found) > 1:
        raise DeclarationError(
            f"{found[0]} and {found[1]} both hold the settings of this instance; remove one of them"
        )
    documents = yaml_documents.read(found[0])
    content = documents[0].content if documents else {}
    if len(documents) > 1 or not isinstance(content, dict):
        raise DeclarationError(
            f"{found[0]}: must hold one mapping, the spec of an Instance, as runQueue: {{maxConcurrentRuns: 10}}"
        )
    return _declared(found[0], content)


def _declared(path: Path, content: Mapping[Any, Any]) -> Declarations:
    from opweave_operator.adapters.local import manifest_schema  # noqa: PLC0415  # 0.2 s that only the file costs

    spec, notices = _translated(path, content)
    instance = {
        "apiVersion": "opweave.dev/v1alpha1",
        "kind": "Instance",
        "metadata": {"name": "default"},
        "spec": spec,
    }
    manifest_schema.check(Document(path=path, number=1, content=instance), "Instance")
    return replace(Declarations(instance=spec), notices=notices)


def _translated(path: Path, content: Mapping[Any, Any]) -> tuple[dict[Any, Any], tuple[str, ...]]:
    """Return the spec, and what of an older file has no effect."""
    spec = {key: value for key, value in content.items() if key not in _OLD_SECTIONS}
    used: set[str] = set()
    for old, (section, name) in _OLD_SETTINGS.items():
        value: Any = content
        for key in old:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            spec[section] = {**(spec.get(section) or {}), name: value}
            used.add(old[0])
    left = sorted(str(key) for key in content if key in _OLD_SECTIONS and key not in used)
    artifacts = spec.get("artifacts")
    unknown = ("gcs", "azure", "sharedVolume")
    left += [f"artifacts.{k}" for k in unknown if isinstance(artifacts, Mapping) and k in artifacts]
    notices = (f"{path}: {', '.join(left)}: no effect here; see docs/reference/crds.md",)
    return spec, notices if left else ()
