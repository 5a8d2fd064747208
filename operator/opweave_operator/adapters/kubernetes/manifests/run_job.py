"""The Job of a run: one per run, with one index per step, driven by our controller instead of the built-in one."""

from __future__ import annotations

from typing import Any

from opweave_operator.adapters.kubernetes import names
from opweave_operator.adapters.kubernetes.manifests import step_pod
from opweave_operator.adapters.kubernetes.worker_template import WorkerTemplate
from opweave_operator.core import model


def run_job(run: model.Run, template: WorkerTemplate) -> dict[str, Any]:
    """Return the Job of *run*.

    Raises:
        ShapeError: The pod shape of a level asks for what it may not have.
    """
    steps = len(run.plan.steps)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.run_object_name(run),
            "namespace": run.location.namespace,
            "labels": step_pod.identity_labels(run),
            "annotations": {names.ANNOTATION_JOB: run.job},
        },
        "spec": {
            "managedBy": names.RUN_CONTROLLER,
            "completionMode": "Indexed",
            "completions": steps,
            "parallelism": steps,
            # Retries are the engine's. The API server lets failedIndexes be shown only when this is set.
            "backoffLimitPerIndex": 0,
            "template": step_pod.pod_template(run, template),
        },
    }
