"""Which effects a decided state calls for: workers to start, stop and release, and whether to publish."""

from __future__ import annotations

from datetime import datetime

from opweave_operator.core import model, run_state
from opweave_operator.core.model import AttemptStatus, RunStatus, WorkerPhase


def wanted(
    before: model.RunState,
    after: model.RunState,
    observation: model.Observation,
    now: datetime,
    policy: model.EnginePolicy,
) -> tuple[model.Effect, ...]:
    """Return the effects that bring the world towards *after*; what starts a step comes first."""
    starts: list[model.Effect] = []
    stops: list[model.Effect] = []
    releases: list[model.Effect] = []
    for step in after.steps.values():
        for attempt in step.attempts:
            worker = observation.workers.get((step.key, attempt.number))
            if _should_start(step, attempt, worker, now):
                starts.append(model.StartWorker(step_key=step.key, attempt=attempt.number))
            if worker is None or worker.phase is WorkerPhase.ABSENT:
                continue
            grace = _stop_grace(after.run, attempt, worker, now, policy)
            if grace is not None:
                stops.append(
                    model.StopWorker(step_key=step.key, attempt=attempt.number, grace_seconds=grace)
                )
            if not attempt.is_open and worker.is_held and _is_leaving(worker):
                releases.append(model.ReleaseWorker(step_key=step.key, attempt=attempt.number))
    publish = (model.PublishRun(),) if _should_publish(before, after) else ()
    return (*starts, *stops, *releases, *publish)


def _should_start(
    step: model.Step, attempt: model.Attempt, worker: model.Worker | None, now: datetime
) -> bool:
    if attempt.status is not AttemptStatus.REQUESTED:
        return False
    if worker is not None and worker.phase is not WorkerPhase.ABSENT:
        return False
    return step.retry_at is None or now >= step.retry_at


def _stop_grace(
    run: model.Run,
    attempt: model.Attempt,
    worker: model.Worker,
    now: datetime,
    policy: model.EnginePolicy,
) -> int | None:
    """Return with what grace the worker must be stopped, or None to leave it alone."""
    if worker.phase is WorkerPhase.ENDED:
        return None
    if run.status is RunStatus.CANCELING:
        asked_at = run.cancel_requested_at or now
        if (now - asked_at).total_seconds() >= policy.cancel_timeout_seconds:
            return 0
        return None if worker.is_stopping else policy.stop_grace_seconds
    if attempt.outcome is None:
        return None
    if attempt.outcome.source is model.OutcomeSource.INGEST:
        lingers = (now - attempt.outcome.at).total_seconds() >= policy.stop_grace_seconds
        return policy.stop_grace_seconds if lingers and not worker.is_stopping else None
    return None if worker.is_stopping else policy.stop_grace_seconds


def _is_leaving(worker: model.Worker) -> bool:
    """Return whether somebody waits for the worker to be let go: one that still runs is in nobody's way."""
    return worker.phase is WorkerPhase.ENDED or worker.is_stopping


def _should_publish(before: model.RunState, after: model.RunState) -> bool:
    if after.run.status is RunStatus.QUEUED:
        return False
    if after.run.status in run_state.FINISHED:
        return not after.run.is_published
    return before.run.status is not after.run.status or any(
        before.steps[key].status is not step.status
        for key, step in after.steps.items()
        if key in before.steps
    )
