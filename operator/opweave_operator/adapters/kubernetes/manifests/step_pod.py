"""The pod of one attempt of one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave_operator.adapters.kubernetes import names, pod_shape, resource_requests
from opweave_operator.adapters.kubernetes.manifests import artifact_access, code_volumes
from opweave_operator.adapters.kubernetes.worker_template import WorkerTemplate
from opweave_operator.core import model

CONTAINER = "step"
TOKEN_VOLUME = "opweave-token"  # noqa: S105  # the name of a volume
TOKEN_DIRECTORY = "/var/run/secrets/opweave.dev"  # noqa: S105  # a path
TOKEN_SECONDS = 3600
"""The kubelet renews it at 80 % of its life, and the step reads the file each time."""
DEFAULT_GRACE_SECONDS = 30

DEFAULTS: pod_shape.Shape = {
    "metadata": {},
    "pod": {
        "securityContext": code_volumes.RESTRICTED_POD,
        "terminationGracePeriodSeconds": DEFAULT_GRACE_SECONDS,
    },
    "container": {
        "securityContext": code_volumes.RESTRICTED_CONTAINER,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    },
}
"""What a step gets when nobody says anything."""


def step_pod(
    run: model.Run,
    step: model.Step,
    attempt: int,
    template: WorkerTemplate,
    *,
    job_uid: str,
    api_url: str,
) -> dict[str, Any]:
    """Return the pod of *attempt*.

    Args:
        run: Whose step it is.
        step: A member of its plan.
        attempt: Its number.
        template: The run's worker template, decoded.
        job_uid: Of the run's Job, which owns the pod.
        api_url: Where the step reports.

    Raises:
        ShapeError: The pod shape of a level asks for what it may not have.
    """
    tag = next((planned.pod for planned in run.plan.steps if planned.key == step.key), {})
    shape = pod_shape.merge(
        step_shape(template), pod_shape.from_op_tag(tag, f"pod of op {step.key!r}")
    )
    pod_shape.check(shape, f"pod of step {step.key!r}")
    labels = identity_labels(run) | {
        names.LABEL_COMPONENT: names.COMPONENT_STEP,
        names.LABEL_STEP_KEY: names.label_value(step.key),
        names.LABEL_ATTEMPT: str(attempt),
        names.LABEL_COMPLETION_INDEX: str(step.index),
        **dict.fromkeys(names.LABELS_JOB_NAME, names.run_object_name(run)),
        **dict.fromkeys(names.LABELS_JOB_UID, job_uid),
    }
    metadata = {
        "name": names.pod_name(run, step.index, attempt),
        "namespace": run.location.namespace,
        "labels": {**shape["metadata"].get("labels", {}), **labels},
        "annotations": {
            **shape["metadata"].get("annotations", {}),
            names.ANNOTATION_STEP_KEY: step.key,
            names.ANNOTATION_JOB: run.job,
            "kubectl.kubernetes.io/default-container": CONTAINER,
        },
        "finalizers": [names.OUTCOME_FINALIZER],
        "ownerReferences": [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": names.run_object_name(run),
                "uid": job_uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }
    env = {
        "OPWEAVE_RUN_ID": run.id,
        "OPWEAVE_STEP_KEY": step.key,
        "OPWEAVE_ATTEMPT": str(attempt),
        "OPWEAVE_API_URL": api_url,
        "OPWEAVE_TOKEN_FILE": f"{TOKEN_DIRECTORY}/token",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": pod_spec(template, shape, env),
    }


def pod_template(run: model.Run, template: WorkerTemplate) -> dict[str, Any]:
    """Return the pod that a step of *run* has when its op asks for nothing: the Job's template, for people and policies."""
    shape = step_shape(template)
    return {
        "metadata": {
            "labels": {**shape["metadata"].get("labels", {}), **identity_labels(run)},
            "annotations": dict(shape["metadata"].get("annotations", {})),
        },
        "spec": pod_spec(template, shape, {}),
    }


def step_shape(template: WorkerTemplate) -> pod_shape.Shape:
    """Return the shape of all levels below the op."""
    job_shape = pod_shape.from_custom_resource(template.job_shape, "Job.spec.steps")
    return pod_shape.merge(DEFAULTS, template.shape, job_shape)


def identity_labels(run: model.Run) -> dict[str, str]:
    """Return the labels by which everything of a run is found."""
    return {
        "app.kubernetes.io/managed-by": "opweave",
        names.LABEL_MANAGED: "true",
        names.LABEL_RUN_ID: run.id,
        names.LABEL_JOB: names.label_value(run.job_resource or run.job),
        names.LABEL_CODE_LOCATION: names.label_value(run.location.name),
    }


def pod_spec(
    template: WorkerTemplate, shape: pod_shape.Shape, env: Mapping[str, str]
) -> dict[str, Any]:
    """Return the spec; what is ours is written last, over whatever a shape holds."""
    code = code_volumes.for_template(template)
    artifacts = artifact_access.access(template.artifacts)
    env = {**env, **artifacts.env}
    shape = resource_requests.fit(shape, DEFAULTS)
    pod, container = shape["pod"], shape["container"]
    step: dict[str, Any] = {
        "image": template.image,
        **({"imagePullPolicy": template.image_pull_policy} if template.image_pull_policy else {}),
        **container,
        "name": CONTAINER,
        "command": ["python3", "-m", "opweave", "step"],
        "args": list(template.args),
        "env": [
            *({"name": name, "value": value} for name, value in env.items()),
            *container.get("env", ()),
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": TOKEN_VOLUME, "mountPath": TOKEN_DIRECTORY, "readOnly": True},
            *code.mounts,
            *artifacts.mounts,
            *_temporary_mount(container),
            *container.get("volumeMounts", ()),
        ],
    }
    spec: dict[str, Any] = {
        **pod,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [step],
        "volumes": [
            _token_volume(),
            {"name": code_volumes.TEMPORARY_VOLUME, "emptyDir": {}},
            *code.volumes,
            *artifacts.volumes,
            *pod.get("volumes", ()),
        ],
    }
    if code.init_containers:
        spec["initContainers"] = code.init_containers
    return spec


def _temporary_mount(container: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the mount of a writable /tmp, unless people mount their own."""
    if any(mount.get("mountPath") == "/tmp" for mount in container.get("volumeMounts", ())):  # noqa: S108  # the pod's own
        return []
    return [{"name": code_volumes.TEMPORARY_VOLUME, "mountPath": "/tmp"}]  # noqa: S108  # the pod's own


def _token_volume() -> dict[str, Any]:
    return {
        "name": TOKEN_VOLUME,
        "projected": {
            "sources": [
                {
                    "serviceAccountToken": {
                        "audience": names.TOKEN_AUDIENCE,
                        "expirationSeconds": TOKEN_SECONDS,
                        "path": "token",
                    }
                }
            ]
        },
    }
