"""What Kubernetes' own events say about pods that do not start: some reasons stand nowhere else (a volume, a sandbox)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REASONS = {
    "FailedMount": "VolumeNotMounted",
    "FailedAttachVolume": "VolumeNotAttached",
    "FailedCreatePodSandBox": "SandboxNotCreated",
    "FailedMapVolume": "VolumeNotMounted",
}
FIELD_SELECTOR = "involvedObject.kind=Pod,type=Warning"
MAX_NOTES = 2000
_MAX_TEXT = 4096


@dataclass(frozen=True, slots=True)
class PodNote:
    """The newest explanation of one pod."""

    pod_uid: str
    reason: str
    message: str


def decode(k8s_event: Mapping[str, Any]) -> PodNote | None:
    """Return the explanation in an Event, or None when it explains no pod that does not start."""
    reason = REASONS.get(str(k8s_event.get("reason") or ""))
    about = k8s_event.get("involvedObject") or {}
    if reason is None or not about.get("uid"):
        return None
    text = f"{k8s_event.get('reason')}: {k8s_event.get('message') or ''}".rstrip(": ")
    return PodNote(str(about["uid"]), reason, text[:_MAX_TEXT])


class PodNotes:
    """The newest notes by pod, a bounded number of them."""

    def __init__(self) -> None:
        self._notes: OrderedDict[str, PodNote] = OrderedDict()

    def add(self, note: PodNote) -> None:
        """Keep *note* in place of an older one of the same pod."""
        self._notes[note.pod_uid] = note
        self._notes.move_to_end(note.pod_uid)
        while len(self._notes) > MAX_NOTES:
            self._notes.popitem(last=False)

    def get(self, pod_uid: str) -> PodNote | None:
        """Return what is known of a pod."""
        return self._notes.get(pod_uid)

    def drop(self, pod_uid: str) -> None:
        """Forget a pod that has started or gone."""
        self._notes.pop(pod_uid, None)
