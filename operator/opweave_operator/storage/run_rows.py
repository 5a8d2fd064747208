"""Runs, steps and attempts as rows, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Row

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec
from opweave.wire import plan as wire_plan
from opweave_operator import errors
from opweave_operator.core import model, run_state
from opweave_operator.storage import schema

RowTuple: TypeAlias = "Row[*tuple[Any, ...]]"
"""A row whose columns the statement knows, not the type."""
RowValues = dict[str, Any]
"""Values by column name; Any because each column has its own type."""

_MOMENTS = (
    "ready_at",
    "slot_at",
    "created_at",
    "running_at",
    "user_code_at",
    "body_ended_at",
    "committed_at",
)
_ATTEMPT_MOMENTS_AT = 6


def run_values(run: model.Run, *, is_settled: bool) -> RowValues:
    """Return the row of *run*, without its revisions, which the store counts."""
    _check_tags(run.tags)
    return {
        "id": run.id,
        "namespace": run.location.namespace,
        "location": run.location.name,
        "job": run.job,
        "status": run.status.value,
        "created_at": run.created_at,
        "job_resource": run.job_resource,
        "tags": dict(run.tags),
        "priority": run.priority,
        "definitions_hash": run.definitions_hash,
        "image": run.image,
        "launched_by": run.launched_by,
        "parent_run_id": run.parent_run_id,
        "root_run_id": run.root_run_id,
        "start_timeout_seconds": run.timeouts.start_seconds,
        "run_timeout_seconds": run.timeouts.run_seconds,
        "max_infrastructure_retries": run.max_infrastructure_retries,
        "object_name": run.object_name,
        "queued_reason": run.queued_reason,
        "dequeued_at": run.dequeued_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "cancel_requested_at": run.cancel_requested_at,
        "reason": run.reason,
        "message": run.message,
        "next_event": run.next_event,
        "is_published": run.is_published,
        "is_settled": is_settled,
    }


def run_from(
    row: RowTuple,
    plan: wire_plan.RunPlan | None = None,
    worker_template: Mapping[str, Any] | None = None,
) -> model.Run:
    """Return the run in *row*; without its *plan*, one that has no steps."""
    return model.Run(
        id=model.RunId(row.id),
        location=model.LocationRef(namespace=row.namespace, name=row.location),
        job=row.job,
        status=model.RunStatus(row.status),
        plan=plan
        or wire_plan.RunPlan(job=row.job, steps=(), definitions_hash=row.definitions_hash),
        created_at=row.created_at,
        job_resource=row.job_resource,
        tags=row.tags,
        priority=row.priority,
        worker_template=worker_template or {},
        definitions_hash=row.definitions_hash,
        image=row.image,
        launched_by=row.launched_by,
        parent_run_id=row.parent_run_id,
        root_run_id=row.root_run_id,
        timeouts=model.Timeouts(
            start_seconds=row.start_timeout_seconds, run_seconds=row.run_timeout_seconds
        ),
        max_infrastructure_retries=row.max_infrastructure_retries,
        object_name=row.object_name,
        queued_reason=row.queued_reason,
        dequeued_at=row.dequeued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        cancel_requested_at=row.cancel_requested_at,
        reason=row.reason,
        message=row.message,
        next_event=row.next_event,
        is_published=row.is_published,
    )


def plan_values(run: model.Run) -> RowValues:
    """Return the row of the run's plan."""
    return {
        "run_id": run.id,
        "plan": codec.encode(run.plan),
        "worker_template": dict(run.worker_template),
    }


def tag_rows(run: model.Run) -> list[RowValues]:
    """Return a row for each tag of *run*."""
    return [
        {"run_id": run.id, "key": key, "value": tag_lookup(value)}
        for key, value in run.tags.items()
    ]


def tag_lookup(value: str) -> str:
    """Return what stands for a tag's *value* in the index: itself, or its digest when it is long."""
    if len(value) <= schema.TAG_LOOKUP_LENGTH:
        return value
    return f"sha256:{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_settled(state: model.RunState) -> bool:
    """Return whether the engine need not look at the run again."""
    return (
        state.run.status in run_state.FINISHED
        and state.run.is_published
        and all(attempt.is_released for step in state.steps.values() for attempt in step.attempts)
    )


def step_values(run_id: model.RunId, step: model.Step, revision: int) -> RowValues:
    """Return the row of *step*."""
    return {
        "run_id": run_id,
        "key": step.key,
        "index": step.index,
        "revision": revision,
        "status": step.status.value,
        "reason": step.reason,
        "message": step.message,
        "waiting_reason": step.waiting_reason,
        "waiting_message": step.waiting_message,
        "retry_at": step.retry_at,
        "ready_at": step.ready_at,
    }


STEP_COLUMNS = [
    schema.steps.c[name]
    for name in (
        "key", "index", "status", "reason", "message",
        "waiting_reason", "waiting_message", "retry_at", "ready_at",
    )
]  # fmt: skip


def step_from(row: RowTuple, attempts: tuple[model.Attempt, ...]) -> model.Step:
    """Return the step in *row*, which has `STEP_COLUMNS`."""
    key, index, status, reason, message, waiting_reason, waiting_message, retry_at, ready_at = row
    return model.Step(
        key=key,
        index=index,
        status=model.StepStatus(status),
        reason=reason,
        message=message,
        waiting_reason=waiting_reason,
        waiting_message=waiting_message,
        retry_at=retry_at,
        ready_at=ready_at,
        attempts=attempts,
    )


def attempt_values(
    run_id: model.RunId, step_key: model.StepKey, attempt: model.Attempt, revision: int
) -> RowValues:
    """Return the row of *attempt*, without the token's digest, which is no part of the model."""
    values: RowValues = {
        "run_id": run_id,
        "step_key": step_key,
        "number": attempt.number,
        "revision": revision,
        "status": attempt.status.value,
        "worker_id": attempt.worker_id,
        "worker_name": attempt.worker_name,
        "next_seq": attempt.next_seq,
        "outcome": None if attempt.outcome is None else outcome_json(attempt.outcome),
        "is_released": attempt.is_released,
        "stop_requested_at": attempt.stop_requested_at,
    }
    for name in _MOMENTS:
        values[name] = getattr(attempt.moments, name)
    return values


ATTEMPT_COLUMNS = [
    schema.attempts.c[name]
    for name in (
        "step_key", "number", "status", "worker_id", "worker_name", "next_seq", *_MOMENTS,
        "outcome", "is_released", "stop_requested_at",
    )
]  # fmt: skip


def attempt_from(row: RowTuple) -> model.Attempt:
    """Return the attempt in *row*, which begins with `ATTEMPT_COLUMNS`."""
    _, number, status, worker_id, worker_name, next_seq = row[:_ATTEMPT_MOMENTS_AT]
    times = row[_ATTEMPT_MOMENTS_AT : _ATTEMPT_MOMENTS_AT + len(_MOMENTS)]
    outcome, is_released, stop_requested_at = row[_ATTEMPT_MOMENTS_AT + len(_MOMENTS) :][:3]
    return model.Attempt(
        number=number,
        status=model.AttemptStatus(status),
        worker_id=worker_id,
        worker_name=worker_name,
        moments=model.Moments(**dict(zip(_MOMENTS, times, strict=True))),
        next_seq=next_seq,
        outcome=None if outcome is None else outcome_from(outcome),
        is_released=is_released,
        stop_requested_at=stop_requested_at,
    )


def outcome_json(outcome: model.Outcome) -> RowValues:
    """Return *outcome* as a JSON value."""
    return {
        "status": outcome.status.value,
        "source": outcome.source.value,
        "at": outcome.at.isoformat(),
        "reason": outcome.reason,
        "message": outcome.message,
        "error": codec.encode(outcome.error),
        "exit_code": outcome.exit_code,
        "outputs": [[output.name, output.mapping_key] for output in outcome.outputs],
    }


def outcome_from(value: RowValues) -> model.Outcome:
    """Return the outcome in a JSON value."""
    return model.Outcome(
        status=model.AttemptStatus(value["status"]),
        source=model.OutcomeSource(value["source"]),
        at=datetime.fromisoformat(value["at"]),
        reason=value["reason"],
        message=value["message"],
        error=None
        if value["error"] is None
        else codec.decode(wire_attempt.ErrorInfo, value["error"]),
        exit_code=value["exit_code"],
        outputs=tuple(
            wire_attempt.ProducedOutput(name=name, mapping_key=mapping_key)
            for name, mapping_key in value["outputs"]
        ),
    )


def merge_steps(
    known: Mapping[model.StepKey, model.Step],
    step_rows: Iterable[RowTuple],
    attempt_rows: Iterable[RowTuple],
) -> dict[model.StepKey, model.Step]:
    """Return *known* with the rows that have changed since: `STEP_COLUMNS` and `ATTEMPT_COLUMNS`, these by number."""
    changed: dict[model.StepKey, list[model.Attempt]] = {}
    for row in attempt_rows:
        changed.setdefault(row[0], []).append(attempt_from(row))
    steps = dict(known)
    for row in step_rows:
        key = model.StepKey(row[0])
        old = steps[key].attempts if key in steps else ()
        steps[key] = step_from(row, _merge_attempts(old, changed.pop(key, [])))
    for key, attempts in changed.items():
        steps[key] = replace(steps[key], attempts=_merge_attempts(steps[key].attempts, attempts))
    return steps


def _merge_attempts(
    known: tuple[model.Attempt, ...], changed: list[model.Attempt]
) -> tuple[model.Attempt, ...]:
    if not changed:
        return known
    by_number = {attempt.number: attempt for attempt in known}
    by_number.update((attempt.number, attempt) for attempt in changed)
    return tuple(by_number[number] for number in sorted(by_number))


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > schema.MAX_TAGS:
        raise errors.StorageRefused(
            f"{len(tags)} tags are more than the {schema.MAX_TAGS} that a run may have"
        )
    for key, value in tags.items():
        if len(value) > schema.MAX_TAG_VALUE_LENGTH:
            raise errors.StorageRefused(
                f"the value of tag {key[:80]!r} has {len(value)} characters;"
                f" at most {schema.MAX_TAG_VALUE_LENGTH} can be stored"
            )
