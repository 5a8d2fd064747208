"""What a CodeLocation consists of: a Deployment of its code server, a Service in front, copies of its ConfigMap."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from opweave_operator.adapters.kubernetes import names, pod_shape, resource_requests
from opweave_operator.adapters.kubernetes.manifests import code_volumes
from opweave_operator.adapters.kubernetes.worker_template import WorkerTemplate

PORT = 4000
CONTAINER = "server"
LOAD_SECONDS_ABOVE_LIMIT = 60
"""A rollout counts as stuck this long after the server itself would have given up loading."""

DEFAULTS: pod_shape.Shape = {
    "metadata": {},
    "pod": {
        "securityContext": code_volumes.RESTRICTED_POD,
        "terminationGracePeriodSeconds": 10,
    },
    "container": {
        "securityContext": code_volumes.RESTRICTED_CONTAINER,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
    },
}
"""What a code server gets when nobody says anything."""


def object_name(location: str) -> str:
    """Return the name of the Deployment and the Service of a location."""
    return f"{location}-code"


def code_copy_name(location: str, digest: str) -> str:
    """Return the name of the immutable copy of a ConfigMap with code."""
    return f"{location}-code-{digest[:12]}"


def selector(location: str) -> dict[str, str]:
    """Return the labels that select the code servers of a location; they can never change."""
    return {
        names.LABEL_COMPONENT: names.COMPONENT_CODE_SERVER,
        names.LABEL_CODE_LOCATION: names.label_value(location),
    }


def code_digest(data: Mapping[str, Any]) -> str:
    """Return the digest of a ConfigMap's ``data`` and ``binaryData``."""
    content = {key: data.get(key) or {} for key in ("data", "binaryData")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def code_copy(owner: Mapping[str, Any], config_map: Mapping[str, Any]) -> dict[str, Any]:
    """Return the immutable copy of *config_map* that pods mount.

    Pods never mount the original: a run keeps the code with which it was launched, and a broken edit cannot reach steps of
    the version that still serves.
    """
    metadata = owner["metadata"]
    digest = code_digest(config_map)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            **_child_metadata(owner, code_copy_name(metadata["name"], digest)),
            "annotations": {names.ANNOTATION_SOURCE: config_map["metadata"]["name"]},
        },
        "immutable": True,
        **{key: config_map[key] for key in ("data", "binaryData") if config_map.get(key)},
    }


def service(owner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Service that leads to the servers that are ready."""
    name = owner["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _child_metadata(owner, object_name(name)),
        "spec": {
            "selector": selector(name),
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def deployment(
    owner: Mapping[str, Any], template: WorkerTemplate, server: pod_shape.Shape
) -> dict[str, Any]:
    """Return the Deployment of a location's code server.

    Args:
        owner: The CodeLocation.
        template: What its steps run: the server runs the same image and code.
        server: Shape of the server's pods, all levels merged, defaults included.
    """
    spec = owner["spec"]
    name = owner["metadata"]["name"]
    load_seconds = int(spec.get("loadTimeoutSeconds") or 120)
    pod = _server_pod(template, server, load_seconds)
    digest = version_digest(pod)
    labels = {
        **server["metadata"].get("labels", {}),
        "app.kubernetes.io/managed-by": "opweave",
        **selector(name),
        names.LABEL_VERSION_DIGEST: digest,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _child_metadata(owner, object_name(name)),
        "spec": {
            "replicas": int((spec.get("server") or {}).get("replicas") or 1),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": load_seconds + LOAD_SECONDS_ABOVE_LIMIT,
            # The old version serves until the new one does.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "selector": {"matchLabels": selector(name)},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": dict(server["metadata"].get("annotations", {})),
                },
                "spec": pod,
            },
        },
    }


def version_digest(pod_spec: Mapping[str, Any]) -> str:
    """Return the digest by which pods of one version of a location are told from those of another."""
    return hashlib.sha256(json.dumps(pod_spec, sort_keys=True).encode()).hexdigest()[:16]


def version_of(deployment: Mapping[str, Any]) -> str:
    """Return the version digest of the pods that *deployment* makes."""
    return str(deployment["spec"]["template"]["metadata"]["labels"][names.LABEL_VERSION_DIGEST])


def _server_pod(
    template: WorkerTemplate, shape: pod_shape.Shape, load_seconds: int
) -> dict[str, Any]:
    code = code_volumes.for_template(template)
    shape = resource_requests.fit(shape, DEFAULTS)
    pod, container = shape["pod"], shape["container"]
    server: dict[str, Any] = {
        "image": template.image,
        **({"imagePullPolicy": template.image_pull_policy} if template.image_pull_policy else {}),
        **container,
        "name": CONTAINER,
        "command": ["python3", "-m", "opweave", "code-server"],
        "args": [
            "--host=0.0.0.0",
            f"--port={PORT}",
            f"--load-timeout={load_seconds}",
            *template.args,
        ],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": _probe("/v1/health", period=1, failures=3),
        "livenessProbe": _probe("/v1/live", period=10, failures=6),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *code.mounts,
            {"name": code_volumes.TEMPORARY_VOLUME, "mountPath": "/tmp"},  # noqa: S108  # the pod's own
            *container.get("volumeMounts", ()),
        ],
    }
    spec: dict[str, Any] = {
        **pod,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [server],
        "volumes": [
            {"name": code_volumes.TEMPORARY_VOLUME, "emptyDir": {}},
            *code.volumes,
            *pod.get("volumes", ()),
        ],
    }
    if code.init_containers:
        spec["initContainers"] = code.init_containers
    return spec


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _child_metadata(owner: Mapping[str, Any], name: str) -> dict[str, Any]:
    metadata = owner["metadata"]
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": {
            "app.kubernetes.io/managed-by": "opweave",
            names.LABEL_CODE_LOCATION: names.label_value(metadata["name"]),
            names.LABEL_COMPONENT: names.COMPONENT_CODE,
        },
        "ownerReferences": [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }
