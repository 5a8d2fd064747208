"""Builders of runs, attempts and reports for tests of the stores."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opweave.wire import attempt as wire_attempt
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.core import ids, model
from opweave_operator.storage import Stores

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LOCATION = model.LocationRef(namespace="team", name="shop")
EXTRACT = model.StepKey("extract")
_serial = itertools.count()


def a_run(*step_keys: str, minute: int = 0, **changes: Any) -> model.Run:
    """Return a STARTED run with independent steps, created *minute* minutes after `NOW`."""
    created_at = NOW + timedelta(minutes=minute)
    keys = step_keys or (EXTRACT, "load")
    run = model.Run(
        id=ids.new_run_id(created_at, next(_serial).to_bytes(10, "big")),
        location=LOCATION,
        job="daily",
        status=model.RunStatus.STARTED,
        plan=wire_plan.RunPlan(
            job="daily", steps=tuple(wire_plan.PlannedStep(key=key, op="op") for key in keys)
        ),
        created_at=created_at,
    )
    return replace(run, **changes)


def an_event(message: str = "") -> model.NewEvent:
    """Return an event of the operator."""
    return model.NewEvent(type=wire_attempt.EventType.ENGINE_EVENT, at=NOW, message=message)


def reported(*seqs: int, message: str = "", **payload: Any) -> list[wire_attempt.Event]:
    """Return events that a step reports under the numbers *seqs*."""
    return [
        wire_attempt.Event(
            seq=seq,
            type=wire_attempt.EventType.LOG_MESSAGE,
            at=NOW.isoformat(),
            message=message or f"line {seq}",
            payload=payload,
        )
        for seq in seqs
    ]


def an_outcome(status: model.AttemptStatus = model.AttemptStatus.SUCCESS) -> model.Outcome:
    """Return an outcome that ingest learnt."""
    return model.Outcome(
        status=status,
        source=model.OutcomeSource.INGEST,
        at=NOW + timedelta(seconds=5),
        outputs=(wire_attempt.ProducedOutput(name="result", mapping_key="a/b"),),
    )


def set_step(step_key: model.StepKey, **changes: Any) -> ports.StateFunction:
    """Return a state function that changes one step."""

    def change(state: model.RunState) -> model.Decision:
        step = replace(state.steps[step_key], **changes)
        return model.Decision(state=replace(state, steps={**state.steps, step_key: step}))

    return change


def set_run(*events: model.NewEvent, **changes: Any) -> ports.StateFunction:
    """Return a state function that changes the run and writes *events*."""

    def change(state: model.RunState) -> model.Decision:
        return model.Decision(
            state=replace(state, run=replace(state.run, **changes)), events=events
        )

    return change


def request_attempt(step_key: model.StepKey) -> ports.StateFunction:
    """Return a state function that gives a step its next attempt."""

    def change(state: model.RunState) -> model.Decision:
        step = state.steps[step_key]
        attempt = model.Attempt(number=len(step.attempts) + 1)
        step = replace(step, status=model.StepStatus.STARTING, attempts=(*step.attempts, attempt))
        return model.Decision(state=replace(state, steps={**state.steps, step_key: step}))

    return change


async def with_attempt(
    stores: Stores, run: model.Run | None = None, step_key: model.StepKey = EXTRACT
) -> ports.AttemptRef:
    """Store a run, unless it is stored, and give a step its next attempt."""
    run = run or a_run()
    await stores.runs.create(run, [])
    decision = await stores.runs.transact(run.id, request_attempt(step_key))
    assert decision is not None
    number = len(decision.state.steps[step_key].attempts)
    return ports.AttemptRef(run_id=run.id, step_key=step_key, number=number)


async def append(
    stores: Stores,
    ref: ports.AttemptRef,
    events: Sequence[wire_attempt.Event],
    outcome: model.Outcome | None = None,
    **moments: datetime,
) -> int:
    """Report *events*."""
    return await stores.events.append(
        ref, events, outcome=outcome, moments=model.Moments(**moments), now=NOW
    )
