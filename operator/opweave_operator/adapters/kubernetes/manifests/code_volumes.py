"""How the code of a location gets into a pod: the same for its server and its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from opweave_operator.adapters.kubernetes.worker_template import GitSource, WorkerTemplate

CODE_DIRECTORY = "/opt/opweave/code"
CODE_VOLUME = "opweave-code"
TEMPORARY_VOLUME = "opweave-tmp"
GIT_SECRET_VOLUME = "opweave-git"  # noqa: S105  # the name of a volume
GIT_SECRET_DIRECTORY = "/opt/opweave/git"  # noqa: S105  # a path
GIT_CONTAINER = "opweave-git"

RESTRICTED_CONTAINER: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""With `RESTRICTED_POD`: Pod Security Standards, profile ``restricted``."""
RESTRICTED_POD: dict[str, Any] = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True, slots=True)
class CodeVolumes:
    """Parts of a pod that bring the code."""

    volumes: list[dict[str, Any]] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)
    init_containers: list[dict[str, Any]] = field(default_factory=list)


def for_template(template: WorkerTemplate) -> CodeVolumes:
    """Return what brings the code of *template*; nothing when the image holds it."""
    mount: dict[str, Any] = {"name": CODE_VOLUME, "mountPath": CODE_DIRECTORY, "readOnly": True}
    if template.config_map:
        volume = {"name": CODE_VOLUME, "configMap": {"name": template.config_map}}
        return CodeVolumes([volume], [mount])
    if template.git is not None:
        return _from_git(template.git, mount)
    return CodeVolumes()


def _from_git(git: GitSource, mount: dict[str, Any]) -> CodeVolumes:
    volumes: list[dict[str, Any]] = [{"name": CODE_VOLUME, "emptyDir": {}}]
    mounts: list[dict[str, Any]] = [
        {"name": CODE_VOLUME, "mountPath": CODE_DIRECTORY},
        {"name": TEMPORARY_VOLUME, "mountPath": "/tmp"},  # noqa: S108  # the pod's own
    ]
    if git.secret:
        volumes.append(
            {
                "name": GIT_SECRET_VOLUME,
                # Mounted in this container alone. The program copies a key to a file of its own user for ssh.
                "secret": {"secretName": git.secret, "defaultMode": 0o444},
            }
        )
        mounts.append(
            {"name": GIT_SECRET_VOLUME, "mountPath": GIT_SECRET_DIRECTORY, "readOnly": True}
        )
    container = {
        "name": GIT_CONTAINER,
        "image": git.image,
        "command": ["python3", "-I", "-c", checkout_program()],
        "args": [
            f"--repository={git.repository}",
            f"--ref={git.ref}",
            f"--directory={CODE_DIRECTORY}",
            f"--credentials={GIT_SECRET_DIRECTORY if git.secret else ''}",
        ],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108  # the pod's own
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": RESTRICTED_CONTAINER,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    return CodeVolumes(volumes, [mount], [container])


def checkout_program() -> str:
    """Return the program that clones inside the user's pod."""
    return (resources.files(__package__) / "git_checkout.py").read_text(encoding="utf-8")
