"""What should happen to a run next: the engine's one decision.

`decide` is applied to the stored state and to what the executor sees, after every change, every restart and on a slow
timer. It is level-based: applied twice to the same input it gives the same answer, and applied after missed events it
catches up. The engine stores the returned state first and applies the effects after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from opweave.wire.attempt import EventType
from opweave_operator.core import (
    draft,
    effects,
    model,
    outcomes,
    readiness,
    retry,
    run_state,
    step_state,
)
from opweave_operator.core.model import AttemptStatus, RunStatus, StepStatus, WorkerPhase
from opweave_operator.core.run_state import RunEvent
from opweave_operator.core.step_state import StepEvent

START_REFUSED_RETRY_SECONDS = 2.0
"""Between two tries to create a worker that the platform refused: a quota frees up when some pod ends."""

_MOST_NAMED = 5
"""Steps named in the message of a time-out."""


def decide(
    state: model.RunState,
    observation: model.Observation,
    now: datetime,
    policy: model.EnginePolicy,
) -> model.Decision:
    """Return the next state of the run, the events to log and the effects to apply.

    Args:
        state: As stored.
        observation: Workers of at least all open and unreleased attempts.
        now: The present.
        policy: The instance's settings.
    """
    work = draft.Draft(state, now)
    if work.run.status is RunStatus.QUEUED:
        if work.run.cancel_requested_at is not None:
            _cancel_queued(work)
    elif work.run.status not in run_state.FINISHED:
        _note_object(work, observation)
        _note_workers(work, observation)
        _enforce_time_outs(work, policy)
        _begin_canceling(work)
        _settle_losses(work, policy)
        _move_waiting_steps(work)
        _move_run(work)
    _note_released(work, observation)
    return work.decision(effects.wanted(state, work.state, observation, now, policy))


def admit(state: model.RunState, now: datetime) -> model.Decision:
    """Return the run taken from the queue; one that is no longer QUEUED stays as it is."""
    work = draft.Draft(state, now)
    if work.run.status is RunStatus.QUEUED and work.run.cancel_requested_at is None:
        work.move_run(RunEvent.ADMITTED, dequeued_at=now, queued_reason="")
        work.log(EventType.RUN_DEQUEUED, "taken from the queue")
        work.log(EventType.RUN_STARTING, "starting its first steps")
    return work.decision(())


def request_cancel(state: model.RunState, now: datetime) -> model.Decision:
    """Return the run with the wish to end it noted; a second wish and a finished run change nothing."""
    work = draft.Draft(state, now)
    if work.run.status in run_state.CANCELABLE and work.run.cancel_requested_at is None:
        work.set_run(cancel_requested_at=now)
    return work.decision(())


def refuse_start(
    state: model.RunState,
    step_key: model.StepKey,
    attempt: int,
    now: datetime,
    *,
    reason: str,
    message: str,
    is_permanent: bool,
) -> model.Decision:
    """Return the run after the executor refused to start a worker: it waits, or fails when waiting cannot help."""
    work = draft.Draft(state, now)
    step = state.steps[step_key]
    newest = step.newest
    if newest is None or newest.number != attempt or newest.status is not AttemptStatus.REQUESTED:
        return work.decision(())
    if is_permanent:
        outcome = model.Outcome(
            status=AttemptStatus.FAILURE,
            source=model.OutcomeSource.WORKER_STATE,
            at=now,
            reason=reason,
            message=message,
        )
        work.settle(step, outcome)
    else:
        work.note_waiting(step, reason, message)
        later = now + timedelta(seconds=START_REFUSED_RETRY_SECONDS)
        work.put(replace(work.steps[step_key], retry_at=later))
    return work.decision(())


def mark_published(state: model.RunState, now: datetime) -> model.Decision:
    """Return the finished run noted as shown by the executor in its final state."""
    work = draft.Draft(state, now)
    if work.run.status in run_state.FINISHED:
        work.set_run(is_published=True)
    return work.decision(())


def _cancel_queued(work: draft.Draft) -> None:
    _cancel_waiting(work)
    reason = work.run.reason or "Canceled"
    work.move_run(RunEvent.CANCELED, ended_at=work.now, reason=reason, queued_reason="")
    work.log(EventType.RUN_CANCELED, "cancelled while queued")


def _note_object(work: draft.Draft, observation: model.Observation) -> None:
    if observation.object_name is not None and work.run.object_name is None:
        work.set_run(object_name=observation.object_name)
    if observation.is_object_gone and work.run.cancel_requested_at is None:
        message = "the run's Job object was deleted; the run is being cancelled"
        work.log(EventType.ENGINE_EVENT, message)
        work.set_run(cancel_requested_at=work.now, reason="JobObjectDeleted", message=message)


def _note_workers(work: draft.Draft, observation: model.Observation) -> None:
    for step in list(work.steps.values()):
        newest = step.newest
        if newest is None or not newest.is_open:
            continue
        worker = observation.workers.get((step.key, newest.number))
        if worker is not None:
            _note_worker(work, step, newest, worker)


def _note_worker(
    work: draft.Draft, step: model.Step, attempt: model.Attempt, worker: model.Worker
) -> None:
    if worker.phase is WorkerPhase.ABSENT:
        if attempt.status is not AttemptStatus.REQUESTED:
            gone = replace(worker, name=worker.name or attempt.worker_name)
            work.settle(step, outcomes.from_worker(gone, work.now))
        return
    if worker.worker_id is None:
        # The executor has taken it and not begun: nothing exists that could be lost.
        work.note_waiting(step, worker.reason, worker.message)
        return
    moments = attempt.moments
    seen = replace(
        attempt,
        status=AttemptStatus.CREATED
        if attempt.status is AttemptStatus.REQUESTED
        else attempt.status,
        worker_id=attempt.worker_id or worker.worker_id,
        worker_name=attempt.worker_name or worker.name,
        moments=replace(
            moments,
            created_at=moments.created_at or worker.created_at,
            running_at=moments.running_at or worker.running_at,
        ),
    )
    step = work.put(draft.with_newest(step, seen))
    if attempt.status is AttemptStatus.REQUESTED:
        work.log(EventType.STEP_WORKER_STARTING, f"created {worker.name}", step, seen)
    if worker.phase is WorkerPhase.ENDED:
        work.settle(step, outcomes.from_worker(worker, work.now))
    elif worker.phase is WorkerPhase.PENDING:
        work.note_waiting(step, worker.reason, worker.message)
    elif step.waiting_reason:
        work.note_waiting(step, "", "")


def _enforce_time_outs(work: draft.Draft, policy: model.EnginePolicy) -> None:
    run = work.run
    limit = run.timeouts.run_seconds or policy.max_runtime_seconds
    if limit and run.started_at and run.cancel_requested_at is None:
        ran = (work.now - run.started_at).total_seconds()
        if ran >= limit:
            message = f"ran for {ran:.0f} s, its limit is {limit} s; {_under_way(work)}"
            work.log(EventType.ENGINE_EVENT, message)
            work.set_run(cancel_requested_at=work.now, reason="RunTimedOut", message=message)
    start_limit = run.timeouts.start_seconds or policy.start_timeout_seconds
    for step in list(work.steps.values()):
        newest = step.newest
        if newest is None or newest.status not in (AttemptStatus.REQUESTED, AttemptStatus.CREATED):
            continue
        waited = (work.now - (newest.moments.slot_at or work.now)).total_seconds()
        if waited >= start_limit:
            seen = (
                step.waiting_message or step.waiting_reason or "nothing that explains it was seen"
            )
            work.settle(
                step,
                model.Outcome(
                    status=AttemptStatus.FAILURE,
                    source=model.OutcomeSource.WORKER_STATE,
                    at=work.now,
                    reason="StartTimedOut",
                    message=f"did not start within {start_limit} s: {seen}",
                ),
            )


def _under_way(work: draft.Draft) -> str:
    """Say what an open attempt of the run was last seen to do, for the message of a time-out."""
    seen = []
    for step in work.steps.values():
        attempt = step.newest
        if attempt is None or not attempt.is_open:
            continue
        doing = step.waiting_message or step.waiting_reason or step.status.lower()
        where = f" in {attempt.worker_name}" if attempt.worker_name else ""
        seen.append(f"step {step.key}{where}: {doing}")
    if not seen:
        return "no step was under way"
    more = f" and {len(seen) - _MOST_NAMED} more" if len(seen) > _MOST_NAMED else ""
    return "under way: " + "; ".join(seen[:_MOST_NAMED]) + more


def _begin_canceling(work: draft.Draft) -> None:
    if work.run.cancel_requested_at is None:
        return
    if work.run.status is not RunStatus.CANCELING:
        work.move_run(RunEvent.CANCEL_REQUESTED)
        work.log(EventType.RUN_CANCELING, work.run.message or "asked to end")
    _cancel_waiting(work)


def _cancel_waiting(work: draft.Draft) -> None:
    for step in list(work.steps.values()):
        newest = step.newest
        if step.status is StepStatus.WAITING:
            work.end_without_attempt(
                step, StepEvent.CANCELED, "RunCanceled", "the run was cancelled"
            )
        elif newest is not None and newest.is_open and newest.status is AttemptStatus.REQUESTED:
            work.settle(step, _canceled(work.now))


def _canceled(now: datetime) -> model.Outcome:
    return model.Outcome(
        status=AttemptStatus.CANCELED,
        source=model.OutcomeSource.WORKER_STATE,
        at=now,
        reason="RunCanceled",
        message="the run was cancelled",
    )


def _settle_losses(work: draft.Draft, policy: model.EnginePolicy) -> None:
    for step in list(work.steps.values()):
        newest = step.newest
        if step.status not in step_state.ACTIVE or newest is None or newest.outcome is None:
            continue
        lost = newest.outcome
        if work.run.cancel_requested_at is not None:
            work.end_active(step, StepEvent.CANCELED, "RunCanceled", "the run was cancelled")
        elif not retry.has_budget(step, work.run, policy):
            losses = retry.losses(step)
            work.end_active(
                step,
                StepEvent.FAILED,
                lost.reason,
                f"{lost.message} (attempt {newest.number}; no infrastructure retry is left after"
                f" {losses} losses)",
            )
        else:
            due = step.retry_at or retry.next_attempt_at(step, policy, lost.at)
            if work.now >= due:
                work.log(
                    EventType.STEP_RESTARTED,
                    f"attempt {newest.number + 1} after {lost.reason}: {lost.message}",
                    step,
                )
                work.request_attempt(step, step.ready_at or work.now)
            elif step.retry_at is None:
                work.put(replace(step, retry_at=due))


def _move_waiting_steps(work: draft.Draft) -> None:
    if work.run.cancel_requested_at is not None:
        return
    for planned in work.run.plan.steps:
        step = work.steps[model.StepKey(planned.key)]
        if step.status is not StepStatus.WAITING:
            continue
        judgement = readiness.judge(planned, work.steps)
        if judgement.verdict is readiness.Verdict.RUN:
            work.request_attempt(step, _ready_at(planned.upstream_keys, work))
        elif judgement.verdict is readiness.Verdict.SKIP:
            work.end_without_attempt(step, StepEvent.SKIPPED, judgement.reason, judgement.message)


def _ready_at(upstream_keys: tuple[str, ...], work: draft.Draft) -> datetime:
    ended = [
        attempt.moments.committed_at
        for key in upstream_keys
        if (attempt := work.steps[model.StepKey(key)].newest) and attempt.moments.committed_at
    ]
    return max(ended, default=work.run.dequeued_at or work.now)


def _move_run(work: draft.Draft) -> None:
    statuses = {step.status for step in work.steps.values()}
    if work.run.status is RunStatus.STARTING and statuses - {
        StepStatus.WAITING,
        StepStatus.STARTING,
    }:
        work.move_run(RunEvent.STARTED, started_at=work.now)
        work.log(EventType.RUN_START, "its first step runs")
    if not statuses <= step_state.FINISHED:
        return
    if work.run.status is RunStatus.CANCELING:
        _end_canceled(work)
    elif StepStatus.FAILURE in statuses:
        failed = [step.key for step in work.steps.values() if step.status is StepStatus.FAILURE]
        _end_failed(work, "StepFailed", _list_failed(failed))
    elif StepStatus.CANCELED in statuses:
        _end_failed(work, "StepStopped", "a step was stopped although the run was not cancelled")
    else:
        work.move_run(RunEvent.SUCCEEDED, ended_at=work.now)
        work.log(EventType.RUN_SUCCESS, "every step ended well")


def _end_canceled(work: draft.Draft) -> None:
    if work.run.reason == "RunTimedOut":
        _end_failed(work, "RunTimedOut", work.run.message)
        return
    work.move_run(RunEvent.CANCELED, ended_at=work.now, reason=work.run.reason or "Canceled")
    work.log(EventType.RUN_CANCELED, "every step has ended")


def _end_failed(work: draft.Draft, reason: str, message: str) -> None:
    work.move_run(RunEvent.FAILED, ended_at=work.now, reason=reason, message=message)
    work.log(EventType.RUN_FAILURE, message)


def _list_failed(keys: list[model.StepKey]) -> str:
    shown = ", ".join(keys[:5])
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return f"failed: {shown}{more}"


def _note_released(work: draft.Draft, observation: model.Observation) -> None:
    for step in list(work.steps.values()):
        changed = tuple(_released(step.key, a, observation.workers) for a in step.attempts)
        if changed != step.attempts:
            work.put(replace(step, attempts=changed))


def _released(
    key: model.StepKey,
    attempt: model.Attempt,
    workers: Mapping[tuple[model.StepKey, int], model.Worker],
) -> model.Attempt:
    if attempt.is_open or attempt.is_released:
        return attempt
    worker = workers.get((key, attempt.number))
    if worker is None:
        return attempt
    is_over = worker.phase is WorkerPhase.ABSENT or (
        worker.phase is WorkerPhase.ENDED and not worker.is_held
    )
    return replace(attempt, is_released=True) if is_over else attempt
