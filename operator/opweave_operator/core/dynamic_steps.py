"""The end of a step's attempt and what it adds to the run: the steps that its dynamic outputs call for.

Called wherever an outcome is recorded, by `decide` and by the event store, so that a run with a dynamic output that was given
is never stored without the steps for its members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave.wire.attempt import ProducedOutput
from opweave_operator.core import model, step_state
from opweave_operator.core.model import AttemptStatus


def settle(state: model.RunState, step: model.Step, outcome: model.Outcome) -> model.RunState:
    """Return *state* with the newest attempt of *step* closed by *outcome*, grown by what that calls for.

    Raises:
        IllegalTransition: The step has no open attempt.
    """
    settled = step_state.settle(step, outcome)
    steps = {**state.steps, step.key: settled}
    planned = _dynamic(state.run.plan, step.key)
    if planned is None or outcome.status is not AttemptStatus.SUCCESS:
        return model.RunState(run=state.run, steps=steps)
    plan = mapped_steps.grown(state.run.plan, planned, _pairs(outcome.outputs))
    for index in range(len(state.run.plan.steps), len(plan.steps)):
        key = model.StepKey(plan.steps[index].key)
        steps[key] = model.Step(key=key, index=index)
    return model.RunState(run=replace(state.run, plan=plan), steps=steps)


def checked(
    plan: wire_plan.RunPlan, step_key: model.StepKey, outcome: model.Outcome
) -> model.Outcome:
    """Return *outcome*, as a failure when the run cannot grow by the outputs that it tells of."""
    planned = _dynamic(plan, step_key)
    if planned is None or outcome.status is not AttemptStatus.SUCCESS:
        return outcome
    fault = mapped_steps.fault(plan, planned, _pairs(outcome.outputs))
    if not fault:
        return outcome
    return replace(
        outcome, status=AttemptStatus.FAILURE, reason="OutputInvalid", message=fault, outputs=()
    )


def _dynamic(plan: wire_plan.RunPlan, step_key: model.StepKey) -> wire_plan.PlannedStep | None:
    """Return the planned step if it has dynamic outputs."""
    for planned in plan.steps:
        if planned.key == step_key:
            return planned if any(output.is_dynamic for output in planned.outputs) else None
    return None


def _pairs(outputs: Sequence[ProducedOutput]) -> list[tuple[str, str | None]]:
    return [(output.name, output.mapping_key) for output in outputs]
