"""Names, labels, annotations and event reasons on the cluster: who writes them and who reads them.

Names of children derive from ids, so that creating one twice finds the first.
"""

from __future__ import annotations

import hashlib
import re

from opweave_operator.core import model

GROUP = "opweave.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
FIELD_MANAGER = "opweave-operator"
"""Owner of the fields that the operator applies."""
RUN_CONTROLLER = "opweave.dev/run-controller"
"""``spec.managedBy`` of a run's Job: the built-in controller leaves it alone."""
TOKEN_AUDIENCE = "opweave"  # noqa: S105  # a public name, no secret
OUTCOME_FINALIZER = "opweave.dev/outcome"
"""On step pods, written at creation, removed by the executor when the outcome is recorded."""

# Labels on Jobs of runs and on step pods; read by the informer and by people.
LABEL_MANAGED = "opweave.dev/managed"
LABEL_RUN_ID = "opweave.dev/run-id"
LABEL_JOB = "opweave.dev/job"
LABEL_STEP_KEY = "opweave.dev/step-key"
LABEL_ATTEMPT = "opweave.dev/attempt"
LABEL_CODE_LOCATION = "opweave.dev/code-location"
LABELS_JOB_NAME = ("batch.kubernetes.io/job-name", "job-name")
LABELS_JOB_UID = ("batch.kubernetes.io/controller-uid", "controller-uid")
"""As the built-in Job controller labels its pods, old spelling and new: ``kubectl logs job/NAME`` looks for them."""
LABEL_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
# Labels on pods of code servers; read by the CodeLocation handler and by the Service.
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_VERSION_DIGEST = "opweave.dev/version-digest"
"""Digest of everything that makes a version of a location: pods that carry the newest one are the new version."""
COMPONENT_CODE_SERVER = "code-server"
COMPONENT_STEP = "step"
COMPONENT_CODE = "code"

ANNOTATION_STEP_KEY = "opweave.dev/step-key"
"""The exact step key; the label of the same name is cut to what a label may hold."""
ANNOTATION_JOB = "opweave.dev/job"
ANNOTATION_RUN_REQUESTED_AT = "opweave.dev/run-requested-at"
"""On our Job, written by people: each new value launches one run."""
ANNOTATION_SOURCE = "opweave.dev/source"
"""On copies of a ConfigMap with code: the name of the original."""

MANAGED_SELECTOR = f"{LABEL_MANAGED}=true"

MAX_RUN_OBJECT_NAME = 52
"""Pod names add up to 11 characters (index, attempt) and stay DNS labels of 63, so they also are host names."""
_ULID_CHARACTERS = 26
_MAX_JOB_PART = MAX_RUN_OBJECT_NAME - _ULID_CHARACTERS - 1
_MAX_LABEL = 63


def dns_part(text: str, limit: int) -> str:
    """Return *text* as part of a DNS label: lower case, digits and dashes, begun by a letter; ``run`` when nothing is left."""
    cleaned = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if cleaned and not cleaned[0].isalpha():
        cleaned = f"j-{cleaned}"
    return cleaned[:limit].strip("-") or "run"


def label_value(text: str) -> str:
    """Return *text* as a label's value; one that had to be changed ends in a digest, so that values stay different."""
    if len(text) <= _MAX_LABEL and re.fullmatch(
        r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?", text
    ):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return f"{cleaned[: _MAX_LABEL - 9].rstrip('-_.')}-{digest}".lstrip("-")


def run_object_name(run: model.Run) -> str:
    """Return the name of the run's Job: the job's name, cut, and the whole run id, which makes it unique."""
    return f"{dns_part(run.job_resource or run.job, _MAX_JOB_PART)}-{run.id}"


def pod_name(run: model.Run, step_index: int, attempt: int) -> str:
    """Return the name of the pod of one attempt."""
    return f"{run_object_name(run)}-{step_index}-{attempt}"
