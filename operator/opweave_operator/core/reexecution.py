"""What a run that repeats another one executes, and where the inputs of its steps come from. Pure.

Called when a re-execution is launched, with a fresh plan of today's definitions and the runs that came before, newest first.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from opweave.wire import mapped_steps, message
from opweave.wire import plan as wire_plan
from opweave.wire.attempt import ProducedOutput
from opweave_operator.core import model
from opweave_operator.core.model import StepStatus

_QUERY = re.compile(r"(\*|\+*)([A-Za-z0-9_.?\[\]]+?)(\*|\+*)", re.ASCII)


class Strategy(enum.StrEnum):
    """Which steps run again."""

    ALL_STEPS = "ALL_STEPS"
    FROM_FAILURE = "FROM_FAILURE"
    SELECTED_STEPS = "SELECTED_STEPS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """The steps cannot run again; *message* says why and what to do."""

    message: str


def op_paths(ancestors: Sequence[model.RunState]) -> set[str]:
    """Return the ops that any of the runs planned."""
    return {
        mapped_steps.op_path(step.key)
        for state in ancestors
        for step in (*state.run.plan.steps, *state.run.plan.templates)
    }


def planned(
    plan: wire_plan.RunPlan,
    ancestors: Sequence[model.RunState],
    strategy: Strategy,
    selection: Sequence[str] = (),
) -> wire_plan.RunPlan | Impossible:
    """Return the plan of the run that repeats *ancestors*, whose first is its parent.

    Args:
        plan: A whole plan of today's definitions.
        ancestors: The parent run, its parent, and so on.
        strategy: What to run again.
        selection: Step keys or paths of ops, with ``*`` and ``+`` before or after; for SELECTED_STEPS.
    """
    if strategy is Strategy.ALL_STEPS:
        return plan
    try:
        if strategy is Strategy.FROM_FAILURE:
            _check_failed_exist(plan, ancestors[0])
            first = _failed(plan, ancestors)
        else:
            first = _selected(plan, selection, may_miss=True)
        grown = _grown(plan, ancestors, first)
        chosen = (
            _failed(grown, ancestors)
            if strategy is Strategy.FROM_FAILURE
            else _selected(grown, selection)
        )
        if not chosen:
            return Impossible(message="every step has succeeded: there is nothing to run again")
        return _pruned(grown, ancestors, chosen)
    except _Refused as refused:
        return Impossible(message=str(refused))


class _Refused(Exception):
    pass


def _ended(
    key: str, ancestors: Sequence[model.RunState]
) -> tuple[model.RunState, model.Step] | None:
    """Return the newest run that planned the step *key*, with how the step ended there."""
    for state in ancestors:
        step = state.steps.get(model.StepKey(key))
        if step is not None:
            return state, step
    return None


def _check_failed_exist(plan: wire_plan.RunPlan, parent: model.RunState) -> None:
    known = {mapped_steps.op_path(step.key) for step in (*plan.steps, *plan.templates)}
    for step in parent.steps.values():
        if step.status is StepStatus.FAILURE and mapped_steps.op_path(step.key) not in known:
            raise _Refused(
                f"step {step.key!r} failed in run {parent.run.id} and today's definitions have no such op: run all steps"
                " again, or select steps"
            )


def _failed(plan: wire_plan.RunPlan, ancestors: Sequence[model.RunState]) -> set[str]:
    chosen: set[str] = set()
    for step in mapped_steps.in_order(plan):
        ended = _ended(step.key, ancestors)
        needs_upstream = any(key in chosen for key in mapped_steps.needed_keys(step))
        if ended is None:
            is_due = (
                step.mapped_over is None or step.mapped_over.step_key in chosen or needs_upstream
            )
        elif ended[1].status is StepStatus.SUCCESS:
            is_due = False
        else:
            is_due = ended[1].reason != "UpstreamSkipped" or needs_upstream
        if is_due:
            chosen.add(step.key)
    return chosen


def _grown(
    plan: wire_plan.RunPlan, ancestors: Sequence[model.RunState], chosen: Collection[str]
) -> wire_plan.RunPlan:
    """Return *plan* with the steps of dynamic outputs that an earlier run gave and that are not given anew."""
    for step in plan.steps:
        ended = _ended(step.key, ancestors)
        is_dynamic = any(output.is_dynamic for output in step.outputs)
        if (
            is_dynamic
            and step.key not in chosen
            and ended
            and ended[1].status is StepStatus.SUCCESS
        ):
            given = [(o.name, o.mapping_key) for o in _outputs(ended[1])]
            fault = mapped_steps.fault(plan, step, given)
            if fault:
                raise _Refused(f"step {step.key!r}: {fault}")
            plan = mapped_steps.grown(plan, step, given)
    return plan


def _outputs(step: model.Step) -> tuple[ProducedOutput, ...]:
    newest = step.newest
    return newest.outcome.outputs if newest and newest.outcome else ()


def _selected(
    plan: wire_plan.RunPlan, selection: Sequence[str], *, may_miss: bool = False
) -> set[str]:
    steps = {step.key: step for step in mapped_steps.in_order(plan)}
    upstream = {
        key: set(mapped_steps.needed_keys(step)) & set(steps) for key, step in steps.items()
    }
    downstream: dict[str, set[str]] = {key: set() for key in steps}
    for key, needed in upstream.items():
        for other in needed:
            downstream[other].add(key)
    chosen: set[str] = set()
    for query in selection:
        match = _QUERY.fullmatch(query.strip())
        if match is None:
            raise _Refused(
                f"{query!r:.100} selects no step: write a step key, with * or + before or after it"
            )
        before, name, after = match.groups()
        start = {key for key in steps if _is_named(key, name)}
        if not start and not may_miss:
            close = difflib.get_close_matches(name, list(steps), n=1)
            hint = (
                f"; did you mean {close[0]!r}?"
                if close
                else f"; there is {', '.join(list(steps)[:10])}"
            )
            raise _Refused(f"{query!r:.100} selects no step of today's definitions{hint}")
        chosen |= start | _reach(start, upstream, before) | _reach(start, downstream, after)
    if not selection:
        raise _Refused("the selection is empty: name the steps to run again")
    return chosen


def _is_named(key: str, name: str) -> bool:
    return name in (key, mapped_steps.op_path(key)) or key.startswith(f"{name}.")


def _reach(start: Iterable[str], edges: dict[str, set[str]], sign: str) -> set[str]:
    reached: set[str] = set()
    frontier = set(start)
    for _ in range(len(edges) if sign == "*" else len(sign)):
        frontier = {other for key in frontier for other in edges[key]} - reached
        if not frontier:
            break
        reached |= frontier
    return reached


def _pruned(
    plan: wire_plan.RunPlan, ancestors: Sequence[model.RunState], chosen: set[str]
) -> wire_plan.RunPlan:
    def kept(steps: Sequence[wire_plan.PlannedStep]) -> tuple[wire_plan.PlannedStep, ...]:
        return tuple(_fed(step, ancestors, chosen) for step in steps if step.key in chosen)

    return message.replace(plan, steps=kept(plan.steps), templates=kept(plan.templates))


def _fed(
    step: wire_plan.PlannedStep, ancestors: Sequence[model.RunState], chosen: set[str]
) -> wire_plan.PlannedStep:
    """Return *step* with what it does not get from this run named as outputs of earlier ones."""
    if (
        step.mapped_over
        and mapped_steps.ANY_KEY in step.key
        and step.mapped_over.step_key not in chosen
    ):
        raise _Refused(
            f"step {step.key!r} runs for each member of an output of {step.mapped_over.step_key!r}, which no run before gave:"
            f" select {step.mapped_over.step_key!r} too"
        )
    inputs = []
    for item in step.inputs:
        if item.collects is not None and item.collects.step_key not in chosen:
            raise _Refused(f"step {step.key!r} collects {item.collects.step_key!r}: select it too")
        sources: list[wire_plan.OutputRef] = []
        for ref in item.sources:
            sources += (ref,) if ref.step_key in chosen else _earlier(step, item, ref, ancestors)
        inputs.append(message.replace(item, sources=tuple(sources)))
    return message.replace(step, inputs=tuple(inputs))


def _earlier(
    step: wire_plan.PlannedStep,
    item: wire_plan.StepInput,
    ref: wire_plan.OutputRef,
    ancestors: Sequence[model.RunState],
) -> tuple[wire_plan.OutputRef, ...]:
    """Return *ref* as the outputs of the newest run that gave it; none for order only and for missing members of a fan-in."""
    if item.is_nothing:
        return ()
    key = mapped_steps.mapping_key_of(step.key) if ref == step.mapped_over else None
    for state in ancestors:
        made = state.steps.get(model.StepKey(ref.step_key))
        if made is None or made.status is not StepStatus.SUCCESS:
            continue
        found = tuple(
            message.replace(ref, run_id=state.run.id, mapping_key=output.mapping_key)
            for output in _outputs(made)
            if output.name == ref.output_name and (key is None or output.mapping_key == key)
        )
        if found or item.is_fan_in:
            return found
        raise _Refused(
            f"step {step.key!r} needs output {ref.output_name!r} of step {ref.step_key!r}, which gave none in run"
            f" {state.run.id}: select {ref.step_key!r} too"
        )
    raise _Refused(
        f"step {step.key!r} needs output {ref.output_name!r} of step {ref.step_key!r}, which has not succeeded in run"
        f" {ancestors[0].run.id} or one before it: select {ref.step_key!r} too"
    )
