"""What a CodeLocation's spec means for pods: which image, which arguments, which shape. Pure; the handler fetches."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from opweave_operator.adapters.kubernetes import pod_shape
from opweave_operator.adapters.kubernetes.manifests import code_location, code_volumes
from opweave_operator.adapters.kubernetes.worker_template import GitSource, WorkerTemplate

_TARGETS = ("module", "file", "package")


class SourceError(ValueError):
    """A source cannot be used; the text names the field and the cure. The CRD refuses most of these before."""


def config_map_name(location: Mapping[str, Any]) -> str | None:
    """Return the name of the ConfigMap with the code, if that is the source."""
    config_map = location["spec"]["source"].get("configMap")
    return str(config_map["name"]) if config_map else None


def check_config_map(location: Mapping[str, Any], config_map: Mapping[str, Any]) -> None:
    """Check that *config_map* holds what the spec names.

    Raises:
        SourceError: The key is missing; the text lists the keys there are.
    """
    source = location["spec"]["source"]["configMap"]
    keys = [*(config_map.get("data") or {}), *(config_map.get("binaryData") or {})]
    key = _key(source)
    if key not in keys:
        raise SourceError(
            f"ConfigMap {source['name']!r} has no key {key!r}; it has"
            f" {', '.join(sorted(keys)[:20]) or 'none'}: correct spec.source.configMap.key"
        )


def worker_template(
    location: Mapping[str, Any],
    *,
    stock_image: str,
    code_digest: str,
    pod_defaults: Mapping[str, Any],
) -> WorkerTemplate:
    """Return the template of a location's steps; its server shares the code, not the shape.

    Args:
        location: The CodeLocation.
        stock_image: Image of sources that name none.
        code_digest: Of the ConfigMap's content; empty for other sources.
        pod_defaults: ``Instance.spec.podDefaults``.

    Raises:
        SourceError: The source is of no known form.
        ShapeError: A pod shape asks for what it may not have.
    """
    spec, metadata = location["spec"], location["metadata"]
    source = spec["source"]
    image = str(source.get("image") or stock_image)
    name = metadata["name"]
    return WorkerTemplate(
        namespace=metadata["namespace"],
        code_location=name,
        image=image,
        image_pull_policy=str(source.get("imagePullPolicy") or ""),
        args=_arguments(source),
        config_map=code_location.code_copy_name(name, code_digest)
        if source.get("configMap")
        else "",
        git=_git(source.get("git"), stock_image),
        shape=pod_shape.merge(
            _instance_shape(pod_defaults),
            _service_account(spec),
            pod_shape.from_custom_resource(spec.get("steps") or {}, "spec.steps"),
        ),
    )


def server_shape(location: Mapping[str, Any]) -> pod_shape.Shape:
    """Return the shape of a location's server pods, our defaults included.

    ``Instance.spec.podDefaults`` is for steps: a change of it must not roll every code server.

    Raises:
        ShapeError: A level asks for what it may not have.
    """
    spec = location["spec"]
    return pod_shape.merge(
        code_location.DEFAULTS,
        _service_account(spec),
        pod_shape.from_custom_resource(spec.get("server") or {}, "spec.server"),
    )


def _instance_shape(pod_defaults: Mapping[str, Any]) -> pod_shape.Shape:
    return pod_shape.from_custom_resource(pod_defaults, "Instance.spec.podDefaults")


def _service_account(spec: Mapping[str, Any]) -> pod_shape.Shape:
    shape = pod_shape.empty()
    if spec.get("serviceAccountName"):
        shape["pod"]["serviceAccountName"] = spec["serviceAccountName"]
    return shape


def _arguments(source: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments of the runtime; values stand behind an equals sign, so that none can pose as an option."""
    directory = str(source.get("workingDirectory") or "")
    if source.get("configMap"):
        target = f"--file={_key(source['configMap'])}"
        directory = directory or code_volumes.CODE_DIRECTORY
    else:
        given = [name for name in _TARGETS if source.get(name)]
        if len(given) != 1:
            raise SourceError("spec.source needs exactly one of module, file and package")
        target = f"--{given[0]}={source[given[0]]}"
        if source.get("git"):
            root = posixpath.join(code_volumes.CODE_DIRECTORY, source["git"].get("path") or "")
            directory = posixpath.normpath(posixpath.join(root, directory))
            if directory.startswith("/") and not f"{directory}/".startswith(
                f"{code_volumes.CODE_DIRECTORY}/"
            ):
                directory = str(source["workingDirectory"])
    arguments = [target]
    if source.get("attribute"):
        arguments.append(f"--attribute={source['attribute']}")
    if directory:
        arguments.append(f"--working-directory={directory}")
    return tuple(arguments)


def _key(config_map: Mapping[str, Any]) -> str:
    return str(config_map.get("key") or "definitions.py")


def _git(git: Mapping[str, Any] | None, stock_image: str) -> GitSource | None:
    if not git:
        return None
    repository, ref = str(git["repository"]), str(git.get("ref") or "")
    if repository.startswith("-") or ref.startswith("-"):
        raise SourceError("spec.source.git: repository and ref must not begin with a dash")
    return GitSource(
        repository=repository,
        ref=ref,
        path=str(git.get("path") or ""),
        secret=str((git.get("secretRef") or {}).get("name") or ""),
        image=stock_image,
    )
