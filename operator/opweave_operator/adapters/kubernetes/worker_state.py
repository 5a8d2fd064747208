"""What a pod says about the attempt that runs in it: a pure reading of its metadata and status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from opweave_operator.adapters.kubernetes import moments, names
from opweave_operator.adapters.kubernetes.manifests import code_volumes, step_pod
from opweave_operator.core import ids, model
from opweave_operator.core.model import WorkerPhase

NODE_GRACE = timedelta(seconds=30)
"""A pod on a dead node is never confirmed as ended; this long after its own grace it counts as lost. The attempt's fence
in the database keeps a zombie from writing."""

_WAITING_REASONS = {
    "ErrImagePull": "ImagePullFailed",
    "ImagePullBackOff": "ImagePullFailed",
    "InvalidImageName": "ImagePullFailed",
    "ErrImageNeverPull": "ImagePullFailed",
    "RegistryUnavailable": "ImagePullFailed",
    "SignatureValidationFailed": "ImagePullFailed",
    "CreateContainerConfigError": "ConfigMissing",
    "CreateContainerError": "ContainerNotCreated",
    "RunContainerError": "ContainerNotStarted",
}
_DISRUPTIONS = {
    "PreemptionByScheduler": "Preempted",
    "DeletionByTaintManager": "NodeLost",
    "DeletionByPodGC": "NodeLost",
    "EvictionByEvictionAPI": "Evicted",
    "TerminationByKubelet": "Evicted",
}
_MAX_TEXT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPod:
    """A step's pod, cut down to what the executor needs."""

    run_id: model.RunId
    namespace: str
    name: str
    uid: str
    worker: model.Worker
    deletion_due_at: datetime | None = None
    is_disrupted: bool = False


def decode(pod: Mapping[str, Any]) -> StepPod | None:
    """Return the step's pod in *pod*, or None when it is not one of ours.

    Raises:
        ValueError: Its labels pretend to be ours and are none.
    """
    metadata = pod.get("metadata") or {}
    labels = metadata.get("labels") or {}
    run_id = labels.get(names.LABEL_RUN_ID)
    step_key = (metadata.get("annotations") or {}).get(names.ANNOTATION_STEP_KEY)
    if not run_id or not step_key:
        return None
    deletion = moments.parse(metadata.get("deletionTimestamp"))
    grace = timedelta(seconds=int(metadata.get("deletionGracePeriodSeconds") or 0))
    deleted_at = None if deletion is None else deletion - grace
    disruption = _condition(pod.get("status") or {}, "DisruptionTarget")
    worker = model.Worker(
        step_key=model.StepKey(step_key),
        attempt=int(labels.get(names.LABEL_ATTEMPT, "")),
        phase=WorkerPhase.PENDING,
        worker_id=str(metadata.get("uid") or ""),
        name=str(metadata.get("name") or ""),
        created_at=moments.parse(metadata.get("creationTimestamp")),
        is_stopping=deletion is not None,
        is_held=names.OUTCOME_FINALIZER in (metadata.get("finalizers") or ()),
    )
    return StepPod(
        run_id=ids.parse_run_id(str(run_id)),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        worker=_with_status(worker, pod, deleted_at, disruption),
        deletion_due_at=deletion,
        is_disrupted=disruption is not None,
    )


def seen_at(pod: StepPod, now: datetime) -> model.Worker:
    """Return the worker as it counts at *now*: one on a node that never answers is given up in the end."""
    worker = pod.worker
    if worker.phase is WorkerPhase.ENDED or pod.deletion_due_at is None or not pod.is_disrupted:
        return worker
    if now < pod.deletion_due_at + NODE_GRACE:
        return worker
    return replace(
        worker,
        phase=WorkerPhase.ENDED,
        ended_at=now,
        reason="NodeLost",
        message=f"the node of pod {pod.name} does not answer any more",
        is_infrastructure=True,
    )


def _with_status(
    worker: model.Worker,
    pod: Mapping[str, Any],
    deleted_at: datetime | None,
    disruption: Mapping[str, Any] | None,
) -> model.Worker:
    is_deleted = deleted_at is not None
    status = pod.get("status") or {}
    state = _container_state(status)
    if "terminated" in state:
        return _terminated(worker, status, state["terminated"] or {}, deleted_at, disruption)
    phase = status.get("phase")
    if phase in ("Failed", "Succeeded"):
        return _ended_without_container(worker, status, is_deleted, disruption)
    if is_deleted and not (pod.get("spec") or {}).get("nodeName"):
        # Nobody will ever report on a pod that no node knows: neither kubelet nor scheduler touches it now.
        return _ended_without_container(worker, status, is_deleted, disruption)
    if "running" in state:
        started = moments.parse((state["running"] or {}).get("startedAt"))
        return replace(worker, phase=WorkerPhase.RUNNING, running_at=started)
    reason, message = _why_pending(status, state)
    return replace(worker, reason=reason, message=message[:_MAX_TEXT])


def _terminated(
    worker: model.Worker,
    status: Mapping[str, Any],
    terminated: Mapping[str, Any],
    deleted_at: datetime | None,
    disruption: Mapping[str, Any] | None,
) -> model.Worker:
    ended_at = moments.parse(terminated.get("finishedAt"))
    # A pod that somebody deletes after its process has ended by itself was not ended by the deletion.
    is_deleted = deleted_at is not None and (ended_at is None or ended_at >= deleted_at)
    exit_code = terminated.get("exitCode")
    code = exit_code if isinstance(exit_code, int) else None
    reason = str(terminated.get("reason") or ("Completed" if code == 0 else "Error"))
    text, is_infrastructure = "", False
    if code != 0:
        if reason == "OOMKilled":
            text, is_infrastructure = _out_of_memory(worker), True
        elif disruption is not None or status.get("reason") == "Evicted" or is_deleted:
            reason, text = _disruption(status, disruption)
            is_infrastructure = True
        elif reason in ("StartError", "ContainerCannotRun", "ContainerStatusUnknown"):
            text = f"{reason}: {terminated.get('message') or 'the container did not run'}"
            is_infrastructure = reason == "ContainerStatusUnknown"
    return replace(
        worker,
        phase=WorkerPhase.ENDED,
        running_at=moments.parse(terminated.get("startedAt")),
        ended_at=ended_at,
        reason=reason,
        message=text[:_MAX_TEXT],
        exit_code=code,
        termination_message=str(terminated.get("message") or "")[:_MAX_TEXT],
        is_infrastructure=is_infrastructure,
    )


def _out_of_memory(worker: model.Worker) -> str:
    return (
        f"pod {worker.name} used more memory than its limit and was killed;"
        " raise resources.limits.memory of the step"
    )


def _ended_without_container(
    worker: model.Worker,
    status: Mapping[str, Any],
    is_deleted: bool,
    disruption: Mapping[str, Any] | None,
) -> model.Worker:
    """Return a worker whose step container never ran or left no status."""
    init = _failed_init(status)
    if init is not None and not is_deleted and disruption is None:
        reason, text, is_infrastructure = "CodeNotFetched", init, False
    else:
        reason, text = _disruption(status, disruption)
        is_infrastructure = True
        if not is_deleted and disruption is None and not status.get("reason"):
            reason = "PodFailed"
    return replace(
        worker,
        phase=WorkerPhase.ENDED,
        reason=reason,
        message=text[:_MAX_TEXT],
        is_infrastructure=is_infrastructure,
    )


def _disruption(status: Mapping[str, Any], disruption: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return why the infrastructure ended a pod, and the text of whoever did it."""
    if disruption is not None:
        cause = str(disruption.get("reason") or "")
        return _DISRUPTIONS.get(cause, "Disrupted"), str(disruption.get("message") or cause)
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message") or status["reason"])
    return "Deleted", "the pod was deleted"


def _failed_init(status: Mapping[str, Any]) -> str | None:
    for container in status.get("initContainerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            said = str(ended.get("message") or "").strip() or f"exit code {ended['exitCode']}"
            what = (
                "git"
                if container.get("name") == code_volumes.GIT_CONTAINER
                else container.get("name")
            )
            return f"{what}: {said}"
    return None


def _why_pending(status: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[str, str]:
    for waiting in _waiting_states(status, state):
        cause = str(waiting.get("reason") or "")
        if cause in _WAITING_REASONS:
            return _WAITING_REASONS[cause], f"{cause}: {waiting.get('message') or ''}".rstrip(": ")
    scheduled = _condition(status, "PodScheduled", wanted="False")
    if scheduled is not None:
        return str(scheduled.get("reason") or "Unschedulable"), str(scheduled.get("message") or "")
    return "", ""


def _waiting_states(status: Mapping[str, Any], state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    states = [
        container.get("state") or {} for container in status.get("initContainerStatuses") or ()
    ]
    return [s["waiting"] or {} for s in (*states, state) if "waiting" in s]


def _container_state(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or ():
        if container.get("name") == step_pod.CONTAINER:
            return container.get("state") or {}
    return {}


def _condition(
    status: Mapping[str, Any], kind: str, wanted: str = "True"
) -> Mapping[str, Any] | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == wanted:
            found: Mapping[str, Any] = condition
            return found
    return None
