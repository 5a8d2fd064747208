"""How pods of a location's steps are made, pinned when a run is launched.

The CodeLocation handler writes it into `ports.LocationRecord.worker_template`, launching copies it into the run, and the
executor reads it: as JSON it outlives versions of the operator, so reading checks everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opweave_operator.adapters.kubernetes import pod_shape
from opweave_operator.core import model


class TemplateError(ValueError):
    """A stored worker template cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """A commit of a repository, cloned in the pod itself.

    Attributes:
        ref: Branch, tag or commit; the empty string is the default branch.
        secret: Name of the Secret with credentials, or empty.
        image: Image with git and Python that clones.
    """

    repository: str
    ref: str = ""
    path: str = ""
    secret: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTemplate:
    """Everything about a step's pod that does not depend on the step.

    Attributes:
        args: Arguments that tell the runtime where the definitions are.
        config_map: Name of the immutable ConfigMap with the code, or empty.
        shape: Pod shape of the levels below the job.
        job_shape: Pod shape of the declared job, in the terms of its ``spec.steps``.
        artifacts: Where the steps keep their values, as ``Instance.spec.artifacts`` says; empty for the artifact endpoint.
    """

    namespace: str
    code_location: str
    image: str
    args: tuple[str, ...]
    image_pull_policy: str = ""
    config_map: str = ""
    git: GitSource | None = None
    shape: pod_shape.Shape = field(default_factory=pod_shape.empty)
    job_shape: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)


def to_json(template: WorkerTemplate) -> dict[str, Any]:
    """Return *template* as JSON values."""
    git = template.git
    return {
        "version": 1,
        "namespace": template.namespace,
        "codeLocation": template.code_location,
        "image": template.image,
        "imagePullPolicy": template.image_pull_policy,
        "args": list(template.args),
        "configMap": template.config_map,
        "git": None
        if git is None
        else {
            "repository": git.repository,
            "ref": git.ref,
            "path": git.path,
            "secret": git.secret,
            "image": git.image,
        },
        "shape": template.shape,
        model.JOB_STEPS_KEY: dict(template.job_shape),
        **({model.ARTIFACTS_KEY: dict(template.artifacts)} if template.artifacts else {}),
    }


def from_json(value: Mapping[str, Any]) -> WorkerTemplate:
    """Return the template in *value*, of which ``jobSteps`` may have been added at launch.

    Raises:
        TemplateError: It is not one that this version can read.
    """
    if value.get("version") != 1:
        raise TemplateError(
            f"the run's worker template has version {value.get('version')!r}, this operator reads 1;"
            " launch the run again"
        )
    args = value.get("args")
    steps = value.get(model.JOB_STEPS_KEY) or {}
    artifacts = value.get(model.ARTIFACTS_KEY) or {}
    if not isinstance(args, list) or not all(isinstance(a, str) for a in args):
        raise TemplateError("the run's worker template has no list of args; launch the run again")
    if not isinstance(steps, Mapping):
        raise TemplateError(
            "the run's worker template has jobSteps that are no mapping; launch the run again"
        )
    if not isinstance(artifacts, Mapping):
        raise TemplateError(
            "the run's worker template has artifacts that are no mapping; launch the run again"
        )
    try:
        shape = pod_shape.from_json(value.get("shape") or {}, "worker template")
    except pod_shape.ShapeError as error:
        raise TemplateError(str(error)) from error
    return WorkerTemplate(
        namespace=_text(value, "namespace", is_required=True),
        code_location=_text(value, "codeLocation", is_required=True),
        image=_text(value, "image", is_required=True),
        args=tuple(args),
        image_pull_policy=_text(value, "imagePullPolicy"),
        config_map=_text(value, "configMap"),
        git=_git(value.get("git")),
        shape=shape,
        job_shape=steps,
        artifacts=artifacts,
    )


def _git(value: object) -> GitSource | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TemplateError("the run's worker template has a git source that is no mapping")
    return GitSource(
        repository=_text(value, "repository", is_required=True),
        ref=_text(value, "ref"),
        path=_text(value, "path"),
        secret=_text(value, "secret"),
        image=_text(value, "image", is_required=True),
    )


def _text(value: Mapping[str, Any], name: str, *, is_required: bool = False) -> str:
    found = value.get(name) or ""
    if not isinstance(found, str) or (is_required and not found):
        raise TemplateError(f"the run's worker template has no usable {name}; launch the run again")
    return found
