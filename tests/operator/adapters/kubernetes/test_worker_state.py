"""What a pod's status means for the attempt in it."""

from __future__ import annotations

from typing import Any

import pytest

from opweave_operator.adapters.kubernetes import moments, names, worker_state
from opweave_operator.core import model
from opweave_operator.core.model import WorkerPhase
from support import builders

NOON = moments.render(builders.NOON)


def read(status: dict[str, Any], *, deleted: float | None = None, node: str = "n1") -> model.Worker:
    metadata: dict[str, Any] = {
        "name": "p",
        "namespace": "ns",
        "uid": "u",
        "creationTimestamp": NOON,
        "labels": {names.LABEL_RUN_ID: builders.RUN_ID, names.LABEL_ATTEMPT: "1"},
        "annotations": {names.ANNOTATION_STEP_KEY: "a"},
        "finalizers": [names.OUTCOME_FINALIZER],
    }
    if deleted is not None:
        metadata["deletionTimestamp"] = moments.render(builders.at(deleted + 30))
        metadata["deletionGracePeriodSeconds"] = 30
    pod = worker_state.decode(
        {"metadata": metadata, "spec": {"nodeName": node} if node else {}, "status": status}
    )
    assert pod is not None
    return worker_state.seen_at(pod, builders.at(1000 if deleted is not None else 0))


def ended(code: int, reason: str = "Error", at: float = 0, **more: Any) -> dict[str, Any]:
    terminated = {"exitCode": code, "reason": reason, "finishedAt": moments.render(builders.at(at))}
    return {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [{"name": "step", "state": {"terminated": {**terminated, **more}}}],
    }


def waiting(reason: str, message: str = "why") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "step", "state": state}]}


def disrupted(reason: str) -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "m"}
    return {"conditions": [condition]}


@pytest.mark.parametrize(
    ("status", "phase", "reason", "is_infrastructure"),
    [
        ({"phase": "Pending"}, WorkerPhase.PENDING, "", False),
        (waiting("ContainerCreating"), WorkerPhase.PENDING, "", False),
        (waiting("ImagePullBackOff"), WorkerPhase.PENDING, "ImagePullFailed", False),
        (waiting("CreateContainerConfigError"), WorkerPhase.PENDING, "ConfigMissing", False),
        (ended(0, "Completed"), WorkerPhase.ENDED, "Completed", False),
        (ended(3), WorkerPhase.ENDED, "Error", False),
        (ended(137, "OOMKilled"), WorkerPhase.ENDED, "OOMKilled", True),
        (ended(128, "StartError"), WorkerPhase.ENDED, "StartError", False),
        (
            {**ended(143), **disrupted("PreemptionByScheduler")},
            WorkerPhase.ENDED,
            "Preempted",
            True,
        ),
        ({**ended(137), "reason": "Evicted"}, WorkerPhase.ENDED, "Evicted", True),
        ({"phase": "Failed", "reason": "Evicted"}, WorkerPhase.ENDED, "Evicted", True),
        ({"phase": "Failed", **disrupted("DeletionByPodGC")}, WorkerPhase.ENDED, "NodeLost", True),
    ],
)
def test_reasons(
    status: dict[str, Any], phase: WorkerPhase, reason: str, is_infrastructure: bool
) -> None:
    worker = read(status)
    assert (worker.phase, worker.reason, worker.is_infrastructure) == (
        phase,
        reason,
        is_infrastructure,
    )


def test_the_scheduler_s_words_are_kept() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes",
    }
    worker = read({"phase": "Pending", "conditions": [condition]})
    assert (worker.reason, worker.message) == ("Unschedulable", "0/3 nodes")


def test_a_pod_deleted_while_it_ran_was_ended_by_that() -> None:
    worker = read(ended(143, at=20), deleted=10)
    assert (worker.reason, worker.is_infrastructure) == ("Deleted", True)


def test_a_pod_deleted_after_its_end_had_ended_by_itself() -> None:
    worker = read(ended(3, at=5), deleted=10)
    assert (worker.reason, worker.is_infrastructure, worker.exit_code) == ("Error", False, 3)


def test_a_deleted_pod_that_no_node_has_is_over() -> None:
    assert read({"phase": "Pending"}, deleted=10, node="").phase is WorkerPhase.ENDED


def test_a_pod_on_a_node_that_never_answers_is_given_up() -> None:
    running = {"containerStatuses": [{"name": "step", "state": {"running": {"startedAt": NOON}}}]}
    assert read({"phase": "Running", **running}, deleted=10).phase is WorkerPhase.RUNNING
    worker = read(
        {"phase": "Running", **running, **disrupted("DeletionByTaintManager")}, deleted=10
    )
    assert (worker.phase, worker.reason) == (WorkerPhase.ENDED, "NodeLost")


def test_the_reason_of_a_clone_that_failed_is_git_s() -> None:
    init = {
        "name": "opweave-git",
        "state": {"terminated": {"exitCode": 128, "message": "fatal: not found"}},
    }
    worker = read({"phase": "Failed", "initContainerStatuses": [init]})
    assert (worker.reason, worker.message) == ("CodeNotFetched", "git: fatal: not found")


def test_foreign_pods_are_left_alone_and_false_ones_refused() -> None:
    assert worker_state.decode({"metadata": {"name": "x"}}) is None
    metadata = {
        "labels": {names.LABEL_RUN_ID: "../etc", names.LABEL_ATTEMPT: "1"},
        "annotations": {names.ANNOTATION_STEP_KEY: "a"},
    }
    with pytest.raises(ValueError, match="not a run id"):
        worker_state.decode({"metadata": metadata})
