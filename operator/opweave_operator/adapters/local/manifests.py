"""Custom resources from files instead of a cluster: the same manifests serve ``kubectl apply`` and ``opweave dev``.

Only documents of our own group and ConfigMaps are read; others that a file holds for the cluster are left alone. Ours
must fit the schema of their CRD, as on a cluster.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opweave_operator import ports
from opweave_operator.adapters.local import declarations, yaml_documents
from opweave_operator.adapters.local.declarations import (
    DeclarationError,
    Declarations,
    LocalLocation,
)
from opweave_operator.adapters.local.worker_template import WorkerTemplate
from opweave_operator.adapters.local.yaml_documents import Document
from opweave_operator.core import cron, model
from opweave_operator.core.instigator_manifest import declaration_of
from opweave_operator.core.instigators import Declaration, Kind

API_VERSION = "opweave.dev/v1alpha1"
KINDS = ("CodeLocation", "Job", "Schedule", "Sensor", "Instance")
_GROUP = "opweave.dev/"
_DEFAULT_KEY = "definitions.py"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")


def looks_like_manifest(path: Path) -> bool:
    """Return whether a file given with ``-f`` is meant as manifests, by its name."""
    return path.suffix.lower() in {".yaml", ".yml", ".json"}


def load(paths: Iterable[Path], home: Path) -> Declarations:
    """Return what the manifests declare; texts of ConfigMaps that locations use are written below *home*.

    Args:
        paths: Files; a directory stands for the manifests in it, not for its subdirectories.
        home: Home directory of the instance.

    Raises:
        DeclarationError: A document of ours is wrong; the text names file and document.
    """
    documents = [d for path in paths for file in _files(path) for d in yaml_documents.read(file)]
    config_maps = {_name(d): d for d in documents if _is(d, "v1", "ConfigMap")}
    parts = [_declared(d, config_maps, home) for d in documents if _is_ours(d)]
    if not parts:
        raise DeclarationError(
            f"{', '.join(map(str, paths))}: no document has apiVersion {API_VERSION}; nothing was declared"
        )
    return declarations.merge(parts)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.iterdir() if p.is_file() and looks_like_manifest(p))
    if not found:
        raise DeclarationError(f"{path}: the directory holds no .yaml, .yml or .json file")
    return found


def _is(document: Document, api_version: str, kind: str) -> bool:
    content = document.content
    return isinstance(content, dict) and (content.get("apiVersion"), content.get("kind")) == (
        api_version,
        kind,
    )


def _is_ours(document: Document) -> bool:
    content = document.content
    return isinstance(content, dict) and str(content.get("apiVersion", "")).startswith(_GROUP)


def _declared(document: Document, config_maps: Mapping[str, Document], home: Path) -> Declarations:
    content = document.content
    if content["apiVersion"] != API_VERSION:
        raise DeclarationError(
            f"{document.place}: apiVersion {content['apiVersion']!r} is not known here; write {API_VERSION}"
        )
    kind, name = content.get("kind"), _name(document)
    if kind not in KINDS:
        raise DeclarationError(f"{document.place}: kind {kind!r} is none of {', '.join(KINDS)}")
    from opweave_operator.adapters.local import manifest_schema  # noqa: PLC0415  # 0.2 s only a manifest costs

    manifest_schema.check(document, kind)
    spec = _mapping(content, "spec", document)
    if kind == "CodeLocation":
        return _code_location(document, name, spec, config_maps, home)
    if kind == "Job":
        return Declarations(jobs=(_job(document, name, spec),))
    if kind == "Instance":
        return Declarations(instance=spec)
    if "watch" in spec:
        return Declarations(notices=(f"{kind} {name} ({document.place}) watches nothing yet",))
    instigator = declaration_of(Kind(kind.upper()), declarations.NAMESPACE, name, spec)
    return Declarations(instigators=(_checked(document, instigator),))


def _checked(document: Document, declaration: Declaration) -> Declaration:
    """Check what the API server checks by rules that no schema holds: the target, and the cron expression."""
    noun = declaration.kind.lower()
    if bool(declaration.job) == bool(declaration.code_name):
        raise DeclarationError(
            f"{document.place}: spec needs exactly one of job and {noun} (with codeLocation)"
        )
    if declaration.code_name and not declaration.location:
        raise DeclarationError(f"{document.place}: spec.codeLocation is required with spec.{noun}")
    if declaration.job:
        try:
            cron.parse((declaration.cron,), declaration.time_zone)
        except cron.CronError as error:
            raise DeclarationError(f"{document.place}: spec.cron: {error}") from error
    return declaration


def _name(document: Document) -> str:
    name = _mapping(document.content, "metadata", document).get("name")
    if not isinstance(name, str) or not name:
        raise DeclarationError(f"{document.place}: metadata.name is required")
    return name


def _mapping(
    parent: Mapping[str, Any], key: str, document: Document, path: str = ""
) -> Mapping[str, Any]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise DeclarationError(f"{document.place}: {path}{key} must be a mapping")
    return value


def _text(parent: Mapping[str, Any], key: str, document: Document, path: str) -> str | None:
    value = parent.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise DeclarationError(f"{document.place}: {path}{key} must be a string")
    return value


def _whole(parent: Mapping[str, Any], key: str, document: Document, path: str) -> int | None:
    value = parent.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise DeclarationError(f"{document.place}: {path}{key} must be a whole number")
    return value


def _code_location(
    document: Document,
    name: str,
    spec: Mapping[str, Any],
    config_maps: Mapping[str, Document],
    home: Path,
) -> Declarations:
    source = _mapping(spec, "source", document, "spec.")
    notices: list[str] = []
    if "git" in source:
        raise DeclarationError(
            f"{document.place}: spec.source.git is cloned on the cluster only; clone {name} here and use -f or -m"
        )
    if "configMap" in source:
        directory, watched, arguments = _from_config_map(document, source, config_maps, home)
    else:
        directory, watched, arguments = _from_directory(document, source)
        if "image" in source:
            notices.append(
                f"CodeLocation {name} ({document.place}): its code is taken from {directory}, not from the image"
            )
    attribute = _text(source, "attribute", document, "spec.source.")
    arguments += ["--attribute", attribute] if attribute else []
    location = LocalLocation(
        name=name,
        template=WorkerTemplate(
            python=sys.executable,
            arguments=(*arguments, "--working-directory", str(directory)),
            working_directory=str(directory),
            environment=_environment(document, name, spec, notices),
        ),
        watched=watched,
        origin=document.place,
    )
    return Declarations(locations=(location,), notices=tuple(notices))


def _from_config_map(
    document: Document, source: Mapping[str, Any], config_maps: Mapping[str, Document], home: Path
) -> tuple[Path, Path, list[str]]:
    reference = _mapping(source, "configMap", document, "spec.source.")
    wanted = _text(reference, "name", document, "spec.source.configMap.")
    key = _text(reference, "key", document, "spec.source.configMap.") or _DEFAULT_KEY
    found = config_maps.get(wanted or "")
    if found is None:
        known = ", ".join(sorted(config_maps)) or "none"
        raise DeclarationError(
            f"{document.place}: spec.source.configMap.name {wanted!r} is in none of the given files, which hold: {known}"
        )
    data = _mapping(found.content, "data", found)
    if key not in data:
        raise DeclarationError(
            f"{found.place}: data has no key {key!r}, which {document.place} names; it has: {', '.join(sorted(data))}"
        )
    directory = _write_texts(found, str(wanted), data, home)
    return directory, directory, ["--file", str(directory / key)]


def _write_texts(found: Document, name: str, data: Mapping[str, Any], home: Path) -> Path:
    """Write the texts as Kubernetes would mount them: a directory of their own for each content."""
    for key, text in data.items():
        if not _FILE_NAME.fullmatch(key) or not isinstance(text, str) or not _is_unicode(text):
            raise DeclarationError(
                f"{found.place}: data.{key[:80]} must be a file name with a text"
            )
    digest = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:16]
    directory = home / "config-maps" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}-{digest}"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for key, text in data.items():
        (directory / key).write_text(text, encoding="utf-8")
    return directory.absolute()


def _is_unicode(text: str) -> bool:
    """Return whether the text can be stored: YAML's escapes can spell half a character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _from_directory(document: Document, source: Mapping[str, Any]) -> tuple[Path, Path, list[str]]:
    base = document.path.absolute().parent
    working = base / (_text(source, "workingDirectory", document, "spec.source.") or ".")
    directory = working if working.is_dir() else base
    given = {
        key: text
        for key in ("file", "module", "package")
        if (text := _text(source, key, document, "spec.source.")) is not None
    }
    if len(given) != 1:
        raise DeclarationError(
            f"{document.place}: spec.source needs configMap or exactly one of file, module and package"
        )
    [(key, text)] = given.items()
    if key == "file" and not (directory / text).is_file():
        raise DeclarationError(
            f"{document.place}: spec.source.file {text} does not exist below {directory}; "
            "on a laptop the code is read from the directory of the manifest"
        )
    target = str(directory / text) if key == "file" else text
    return directory, directory, [f"--{key}", target]


def _environment(
    document: Document, name: str, spec: Mapping[str, Any], notices: list[str]
) -> dict[str, str]:
    """Return the variables with plain values; what comes from Secrets must be in the user's own environment."""
    steps = _mapping(spec, "steps", document, "spec.")
    environment: dict[str, str] = {}
    variables = steps.get("env") or []
    if not isinstance(variables, list):
        raise DeclarationError(f"{document.place}: spec.steps.env must be a list")
    elsewhere = bool(steps.get("envFrom"))
    for variable in variables:
        if not isinstance(variable, dict) or not isinstance(variable.get("name"), str):
            raise DeclarationError(f"{document.place}: spec.steps.env: each needs a name")
        if isinstance(variable.get("value"), str):
            environment[variable["name"]] = variable["value"]
        else:
            elsewhere = True
    if elsewhere:
        notices.append(
            f"CodeLocation {name} ({document.place}): variables from Secrets and ConfigMaps are taken from your "
            "environment"
        )
    return environment


def _job(document: Document, name: str, spec: Mapping[str, Any]) -> ports.JobRecord:
    location = _text(spec, "codeLocation", document, "spec.")
    job = _text(spec, "job", document, "spec.") or ""
    assets = _text(spec, "assets", document, "spec.") or ""
    if location is None:
        raise DeclarationError(f"{document.place}: spec.codeLocation is required on a laptop")
    if bool(job) == bool(assets.strip()):
        raise DeclarationError(f"{document.place}: spec needs exactly one of job and assets")
    tags = _mapping(spec, "tags", document, "spec.")
    if not all(isinstance(value, str) for value in tags.values()):
        raise DeclarationError(f"{document.place}: spec.tags must hold strings; quote numbers")
    limits = _mapping(spec, "limits", document, "spec.")
    timeouts = _mapping(spec, "timeouts", document, "spec.")
    retries = _mapping(spec, "retries", document, "spec.")
    return ports.JobRecord(
        namespace=declarations.NAMESPACE,
        name=name,
        location=location,
        job=job or model.ASSET_JOB,
        assets=assets,
        run_config=_mapping(spec, "runConfig", document, "spec."),
        tags=tags,
        priority=_whole(spec, "priority", document, "spec.") or 0,
        max_concurrent_runs=_whole(limits, "maxConcurrentRuns", document, "spec.limits."),
        timeouts=model.Timeouts(
            start_seconds=_whole(timeouts, "startSeconds", document, "spec.timeouts."),
            run_seconds=_whole(timeouts, "runSeconds", document, "spec.timeouts."),
        ),
        max_retries=_whole(retries, "maxRetries", document, "spec.retries."),
    )
