"""Builders of runs, plans and workers for the tests of the domain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opweave.wire import attempt as wire_attempt
from opweave.wire import mapped_steps, message
from opweave.wire import plan as wire_plan
from opweave_operator.core import model

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUN_ID = model.RunId("01jd7q00000000000000000000")


def at(seconds: float) -> datetime:
    """Return the moment *seconds* after noon."""
    return NOON + timedelta(seconds=seconds)


def planned(key: str, *upstream: str, **fields: Any) -> wire_plan.PlannedStep:
    """Return a step with one input per upstream step."""
    inputs = tuple(
        wire_plan.StepInput(name=f"in_{up}", sources=(wire_plan.OutputRef(step_key=up),))
        for up in upstream
    )
    return wire_plan.PlannedStep(
        key=key, op=key, inputs=inputs, outputs=(wire_plan.StepOutput(),), **fields
    )


def dynamic(key: str, *upstream: str) -> wire_plan.PlannedStep:
    """Return a step with a dynamic output ``result``."""
    output = wire_plan.StepOutput(is_dynamic=True)
    return message.replace(planned(key, *upstream), outputs=(output,))


def mapped(key: str, over: str, *upstream: str) -> wire_plan.PlannedStep:
    """Return a template of a step that is mapped over the dynamic output of *over*: fed by it, or by *upstream*."""
    source = wire_plan.OutputRef(step_key=over)
    return planned(f"{key}[?]", *(upstream or (over,)), mapped_over=source)


def collecting(key: str, collects: str, over: str, *upstream: str) -> wire_plan.PlannedStep:
    """Return a step that collects *collects*, a template's key or *over* itself, over the dynamic output of *over*."""
    item = wire_plan.StepInput(
        name="members",
        sources=(wire_plan.OutputRef(step_key=over),),
        is_fan_in=True,
        collects=wire_plan.OutputRef(step_key=collects),
    )
    step = planned(key, *upstream)
    return message.replace(step, inputs=(*step.inputs, item))


def members(*keys: str, seconds: float = 0) -> model.Outcome:
    """Return the outcome of an attempt that gave a member under each of *keys* of its dynamic output ``result``."""
    given = (wire_attempt.ProducedOutput(name="result", mapping_key=key) for key in keys)
    return replace(success(seconds=seconds), outputs=tuple(given))


def run_state(
    *steps: wire_plan.PlannedStep,
    status: model.RunStatus = model.RunStatus.STARTING,
    **run: Any,
) -> model.RunState:
    """Return a run whose steps all wait; templates are set apart."""
    templates = tuple(step for step in steps if step.key.endswith(mapped_steps.ANY_KEY))
    steps = tuple(step for step in steps if step not in templates)
    return model.RunState(
        run=model.Run(
            id=RUN_ID,
            location=model.LocationRef(namespace="local", name="shop"),
            job="report",
            status=status,
            plan=wire_plan.RunPlan(job="report", steps=steps, templates=templates),
            created_at=NOON,
            **run,
        ),
        steps={
            model.StepKey(step.key): model.Step(key=model.StepKey(step.key), index=index)
            for index, step in enumerate(steps)
        },
    )


def worker(key: str, attempt: int, phase: model.WorkerPhase, **fields: Any) -> model.Worker:
    """Return a worker as an executor would show it."""
    return model.Worker(
        step_key=model.StepKey(key),
        attempt=attempt,
        phase=phase,
        worker_id=f"uid-{key}-{attempt}",
        name=f"{key}-{attempt}",
        **fields,
    )


def observe(*workers: model.Worker, **fields: Any) -> model.Observation:
    """Return an observation of *workers*."""
    return model.Observation(workers={(w.step_key, w.attempt): w for w in workers}, **fields)


def success(*outputs: str, seconds: float = 0) -> model.Outcome:
    """Return the outcome of an attempt that reported success with *outputs* (default: ``result``)."""
    produced = tuple(wire_attempt.ProducedOutput(name=name) for name in outputs or ("result",))
    return model.Outcome(
        status=model.AttemptStatus.SUCCESS,
        source=model.OutcomeSource.INGEST,
        at=at(seconds),
        outputs=produced,
    )


def failure(status: model.AttemptStatus = model.AttemptStatus.FAILURE) -> model.Outcome:
    """Return the outcome of an attempt that reported that it failed."""
    return model.Outcome(
        status=status,
        source=model.OutcomeSource.INGEST,
        at=NOON,
        reason="UserCodeError",
        message="ZeroDivisionError: division by zero",
    )
