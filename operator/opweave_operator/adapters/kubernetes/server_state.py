"""Where the rollout of a code server stands, read from its pods. Pure; asking the servers is the handler's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opweave_operator.adapters.kubernetes import names
from opweave_operator.adapters.kubernetes.manifests import code_location, code_volumes

_WAITING = {
    "ErrImagePull": "ImagePullFailed",
    "ImagePullBackOff": "ImagePullFailed",
    "InvalidImageName": "ImagePullFailed",
    "ErrImageNeverPull": "ImagePullFailed",
    "CreateContainerConfigError": "ConfigMissing",
    "CreateContainerError": "ContainerNotCreated",
    "RunContainerError": "ContainerNotStarted",
}
_MAX_TEXT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPod:
    """One pod of a code server.

    Attributes:
        url: Where it can be asked; empty while it has no address.
        image_digest: ``repository@sha256:...`` when the node knows the image by it.
        commit: The commit that its init container checked out.
        reason: CamelCase, why it cannot start.
    """

    name: str
    version: str
    url: str = ""
    is_ready: bool = False
    is_running: bool = False
    image_digest: str = ""
    commit: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """The pods of one location, without those that are being deleted."""

    new: tuple[ServerPod, ...] = ()
    old: tuple[ServerPod, ...] = ()

    @property
    def serving(self) -> ServerPod | None:
        """The new version's pod, once it is ready and no older version answers beside it."""
        ready = [pod for pod in self.new if pod.is_ready and pod.url]
        return ready[0] if ready and not self.old else None

    @property
    def newest_trouble(self) -> ServerPod | None:
        """A pod of the new version that cannot start."""
        return next((pod for pod in self.new if pod.reason), None)


def read(pods: Iterable[Mapping[str, Any]], version: str) -> ServerState:
    """Return the state of *pods*, of which those labelled *version* are the new ones."""
    alive = [
        _pod(pod)
        for pod in pods
        if (pod.get("metadata") or {}).get("deletionTimestamp") is None
        and (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")
    ]
    return ServerState(
        new=tuple(pod for pod in alive if pod.version == version),
        old=tuple(pod for pod in alive if pod.version != version and pod.is_ready),
    )


def _pod(pod: Mapping[str, Any]) -> ServerPod:
    metadata, status = pod.get("metadata") or {}, pod.get("status") or {}
    container = _container(status.get("containerStatuses"), code_location.CONTAINER)
    git = _container(status.get("initContainerStatuses"), code_volumes.GIT_CONTAINER)
    reason, message = _trouble(status, git, container)
    address = str(status.get("podIP") or "")
    host = f"[{address}]" if ":" in address else address
    return ServerPod(
        name=str(metadata.get("name") or ""),
        version=str((metadata.get("labels") or {}).get(names.LABEL_VERSION_DIGEST) or ""),
        url=f"http://{host}:{code_location.PORT}" if address else "",
        is_ready=any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in status.get("conditions") or ()
        ),
        is_running="running" in (container.get("state") or {}),
        image_digest=_digest(str(container.get("imageID") or "")),
        commit=_commit(git),
        reason=reason,
        message=message[:_MAX_TEXT],
    )


def pinned_image(image: str, digest: str) -> str:
    """Return *image* by its *digest*, as the node that runs it names it, when that is the same repository.

    Images that were loaded into a node without a registry have digests under made-up names, by which they cannot be pulled.
    """
    repository = image.partition("@")[0]
    name, colon, tag = repository.rpartition(":")
    if colon and "/" not in tag:
        repository = name
    told = digest.partition("@")[0]
    return digest if told == repository or told.endswith(f"/{repository}") else image


def _digest(image_id: str) -> str:
    image = image_id.partition("://")[2] or image_id
    return image if "@sha256:" in image else ""


def _commit(git: Mapping[str, Any]) -> str:
    text = str(((git.get("state") or {}).get("terminated") or {}).get("message") or "").strip()
    is_commit = len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
    return text if is_commit else ""


def _trouble(
    status: Mapping[str, Any], git: Mapping[str, Any], container: Mapping[str, Any]
) -> tuple[str, str]:
    for part in (git, container):
        waiting = (part.get("state") or {}).get("waiting") or {}
        cause = str(waiting.get("reason") or "")
        if cause in _WAITING:
            return _WAITING[cause], f"{cause}: {waiting.get('message') or ''}".rstrip(": ")
        ended = (part.get("lastState") or {}).get("terminated") or {}
        ended = (part.get("state") or {}).get("terminated") or ended
        if ended.get("exitCode"):
            reason = "CodeNotFetched" if part is git else "ServerCrashed"
            said = str(ended.get("message") or "").strip() or str(ended.get("reason") or "")
            return reason, f"exit code {ended['exitCode']}: {said}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return "Unschedulable", str(condition.get("message") or "")
    return "", ""


def _container(statuses: object, name: str) -> Mapping[str, Any]:
    for status in statuses if isinstance(statuses, list) else []:
        if isinstance(status, Mapping) and status.get("name") == name:
            return status
    return {}
