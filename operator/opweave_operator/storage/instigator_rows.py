"""Schedules, sensors, ticks and requested runs as rows, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from opweave_operator.core import model, ticks
from opweave_operator.core.instigators import (
    Declaration,
    InstigatorRef,
    InstigatorState,
    Kind,
    Toggle,
)
from opweave_operator.core.tick_records import (
    RequestStatus,
    RunRequest,
    RunWish,
    Tick,
    TickLog,
    TickOutcome,
    TickStatus,
)
from opweave_operator.storage.run_rows import RowTuple, RowValues

_DECLARED = (
    "location",
    "code_name",
    "job",
    "cron",
    "time_zone",
    "is_suspended",
    "starting_deadline_seconds",
    "interval_seconds",
    "timeout_seconds",
    "watch",
)


def ref_values(ref: InstigatorRef) -> RowValues:
    """Return the columns that say whose row it is."""
    return {
        "kind": ref.kind.value,
        "namespace": ref.namespace,
        "location": ref.location,
        "name": ref.name,
    }


def ref_from(row: RowTuple) -> InstigatorRef:
    """Return whose *row* it is."""
    return InstigatorRef(
        kind=Kind(row.kind), namespace=row.namespace, location=row.location, name=row.name
    )


def declaration_values(declaration: Declaration) -> RowValues:
    """Return the row of a manifest."""
    spec = {name: getattr(declaration, name) for name in _DECLARED}
    return {
        "kind": declaration.kind.value,
        "namespace": declaration.namespace,
        "name": declaration.name,
        "spec": {**spec, "catch_up": declaration.catch_up.value, "watch": dict(declaration.watch)},
    }


def declaration_from(row: RowTuple) -> Declaration:
    """Return the manifest in *row*; fields that a newer version has stored are left out."""
    spec: Mapping[str, Any] = row.spec
    return Declaration(
        kind=Kind(row.kind),
        namespace=row.namespace,
        name=row.name,
        catch_up=ticks.CatchUp(spec.get("catch_up", ticks.CatchUp.LATEST)),
        **{name: spec[name] for name in _DECLARED if name in spec},
    )


def state_values(state: InstigatorState) -> RowValues:
    """Return the row of what has happened."""
    return {
        **ref_values(state.ref),
        "toggle": state.toggle.value if state.toggle else None,
        "position_at": state.position_at,
        "running_since": state.running_since,
        "timing": state.timing,
        "cursor": state.cursor,
        "last_run_key": state.last_run_key,
        "failures": state.failures,
    }


def state_from(row: RowTuple) -> InstigatorState:
    """Return what has happened."""
    return InstigatorState(
        ref=ref_from(row),
        toggle=Toggle(row.toggle) if row.toggle else None,
        position_at=row.position_at,
        running_since=row.running_since,
        timing=row.timing,
        cursor=row.cursor,
        last_run_key=row.last_run_key,
        failures=row.failures,
    )


def tick_values(outcome: TickOutcome, run_ids: list[str]) -> RowValues:
    """Return the row of a tick that has ended and requested *run_ids*."""
    return {
        **ref_values(outcome.ref),
        "at": outcome.at,
        "status": outcome.status.value,
        "started_at": outcome.started_at,
        "ended_at": outcome.ended_at,
        "skip_reason": outcome.skip_reason,
        "error": outcome.error,
        "traceback": outcome.traceback,
        "logs": [[line.at, line.level, line.message] for line in outcome.logs],
        "runs": len(run_ids),
        "run_ids": run_ids[:MOST_RUN_IDS],
    }


MOST_RUN_IDS = 100
"""A tick's row names so many of its runs; all of them carry its tags."""


def tick_from(row: RowTuple) -> Tick:
    """Return the tick in *row*."""
    return Tick(
        ref=ref_from(row),
        at=row.at,
        status=TickStatus(row.status),
        started_at=row.started_at,
        ended_at=row.ended_at,
        skip_reason=row.skip_reason,
        error=row.error,
        traceback=row.traceback,
        logs=tuple(TickLog(at=at, level=level, message=text) for at, level, text in row.logs),
        runs=row.runs,
        run_ids=tuple(row.run_ids),
    )


def request_values(request: RunRequest) -> RowValues:
    """Return the row of a requested run."""
    wish = request.wish
    return {
        "run_id": request.run_id,
        **ref_values(request.ref),
        "tick_at": request.tick_at,
        "index": request.index,
        "wish": {
            "job": wish.job,
            "job_resource": wish.job_resource,
            "run_key": wish.run_key,
            "run_config": None if wish.run_config is None else dict(wish.run_config),
            "tags": dict(wish.tags),
        },
        "status": request.status.value,
        "message": request.message,
    }


def request_from(row: RowTuple) -> RunRequest:
    """Return the requested run in *row*."""
    wish: Mapping[str, Any] = row.wish
    return RunRequest(
        ref=ref_from(row),
        tick_at=row.tick_at,
        index=row._mapping["index"],
        run_id=model.RunId(row.run_id),
        wish=RunWish(
            job=wish.get("job"),
            job_resource=wish.get("job_resource"),
            run_key=wish.get("run_key"),
            run_config=wish.get("run_config"),
            tags=wish.get("tags") or {},
        ),
        status=RequestStatus(row.status),
        message=row.message,
    )


def key_digest(run_key: str) -> str:
    """Return what stands for a run key in its table."""
    return hashlib.sha256(run_key.encode("utf-8", "surrogatepass")).hexdigest()
