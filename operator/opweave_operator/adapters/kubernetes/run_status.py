"""What a run's Job shows: a pure rendering of the run's state that the API server's validation accepts.

The rules for Jobs that somebody else manages are strict (k8s.io/kubernetes pkg/registry/batch/job, ValidateJobStatusUpdate):
counters never decrease, ``startTime`` never changes, terminal conditions are final, and a finished Job has no active pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opweave_operator.adapters.kubernetes import index_ranges, moments
from opweave_operator.core import model
from opweave_operator.core.model import RunStatus, StepStatus

_ACTIVE = frozenset({StepStatus.STARTING, StepStatus.RUNNING})
_FINISHED = frozenset({RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELED})
_MAX_MESSAGE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStatus:
    """What the Job says now, as far as it binds what may be written next."""

    uid: str = ""
    completions: int = 0
    succeeded: int = 0
    failed: int = 0
    has_started: bool = False
    is_finished: bool = False
    ttl_seconds: int | None = None


def read(job: Mapping[str, Any]) -> ShownStatus:
    """Return what *job*, as the API server wrote it, shows."""
    spec, status = job.get("spec") or {}, job.get("status") or {}
    return ShownStatus(
        uid=str((job.get("metadata") or {}).get("uid") or ""),
        completions=int(spec.get("completions") or 0),
        succeeded=int(status.get("succeeded") or 0),
        failed=int(status.get("failed") or 0),
        has_started=bool(status.get("startTime")),
        is_finished=any(
            condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
            for condition in status.get("conditions") or ()
        ),
        ttl_seconds=spec.get("ttlSecondsAfterFinished"),
    )


def status_patch(state: model.RunState, shown: ShownStatus, now: datetime) -> dict[str, Any]:
    """Return the merge patch of the Job's status for *state*; empty when the Job is finished already."""
    if shown.is_finished:
        return {}
    run, steps = state.run, list(state.steps.values())
    is_over = run.status in _FINISHED
    completed = [step.index for step in steps if _counts_as_completed(run, step)]
    failed = [step.index for step in steps if step.status is StepStatus.FAILURE]
    status: dict[str, Any] = {
        "active": 0 if is_over else sum(step.status in _ACTIVE for step in steps),
        "ready": 0 if is_over else sum(step.status is StepStatus.RUNNING for step in steps),
        "terminating": 0,
        "succeeded": max(shown.succeeded, len(completed)),
        "failed": max(shown.failed, len(failed)),
        "completedIndexes": index_ranges.render(completed),
        "failedIndexes": index_ranges.render(failed),
        "uncountedTerminatedPods": {},
    }
    if not shown.has_started:
        status["startTime"] = moments.render(run.dequeued_at or run.started_at or now)
    if is_over:
        status["conditions"] = _terminal_conditions(run, now)
        if run.status is RunStatus.SUCCESS:
            status["completionTime"] = moments.render(run.ended_at or now)
    return {"status": status}


def _counts_as_completed(run: model.Run, step: model.Step) -> bool:
    """A skipped step needs no pod; it counts once the whole run has succeeded, so that the Job shows n/n."""
    if step.status is StepStatus.SUCCESS:
        return True
    return step.status is StepStatus.SKIPPED and run.status is RunStatus.SUCCESS


def _terminal_conditions(run: model.Run, now: datetime) -> list[dict[str, Any]]:
    if run.status is RunStatus.SUCCESS:
        kinds, reason, message = ("SuccessCriteriaMet", "Complete"), "CompletionsReached", ""
        message = "Every step of the run has ended well"
    else:
        kinds = ("FailureTarget", "Failed")
        fallback = "Canceled" if run.status is RunStatus.CANCELED else "StepFailed"
        reason, message = run.reason or fallback, run.message or f"the run ended as {run.status}"
    at = moments.render(run.ended_at or now)
    return [
        {
            "type": kind,
            "status": "True",
            "reason": reason[:1024],
            "message": message[:_MAX_MESSAGE],
            "lastProbeTime": at,
            "lastTransitionTime": at,
        }
        for kind in kinds
    ]
