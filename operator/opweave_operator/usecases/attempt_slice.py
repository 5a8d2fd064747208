"""Cut from a run what one attempt must know, and decide which outputs it may read. Pure.

Used by `ingest_events` when a worker starts and by `stored_outputs` when it asks for an input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.wire import attempt as wire_attempt
from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave.wire.message import replace
from opweave_operator.core import model
from opweave_operator.core.assets import AssetState


def cut(state: model.RunState, step_key: model.StepKey, number: int) -> wire_attempt.AttemptSlice:
    """Return what attempt *number* of *step_key* must know of its run.

    Raises:
        KeyError: The plan has no such step.
    """
    run = state.run
    planned = planned_step(run.plan, step_key)
    attempt = next(a for a in state.steps[step_key].attempts if a.number == number)
    op_path = mapped_steps.op_path(step_key)
    return wire_attempt.AttemptSlice(
        run_id=run.id,
        job=run.job,
        step_key=step_key,
        attempt=number,
        op_path=op_path,
        run_config=cut_config(run.plan.run_config, op_path),
        tags=dict(run.tags),
        inputs={
            item.name: stored_inputs(state, planned, item)
            for item in planned.inputs
            if item.sources and not item.is_nothing
        },
        mapping_key=mapped_steps.mapping_key_of(step_key),
        parent_run_id=run.parent_run_id,
        root_run_id=run.root_run_id,
        first_seq=attempt.next_seq,
        asset_keys=tuple(asset.key for asset in planned.assets),
        asset_checks=tuple(f"{check.asset_key}:{check.name}" for check in planned.asset_checks),
    )


def upstream_assets(plan: wire_plan.RunPlan, step_key: str) -> set[str]:
    """Return the keys of the assets of which a step must know what was written last."""
    planned = planned_step(plan, step_key)
    of_assets = {key for asset in planned.assets for key in asset.upstream}
    return of_assets | set(_loaded_assets(planned).values())


def with_assets(
    slice_: wire_attempt.AttemptSlice, plan: wire_plan.RunPlan, known: Mapping[str, AssetState]
) -> wire_attempt.AttemptSlice:
    """Return *slice_* with what is *known* of the assets of `upstream_assets`."""
    versions = {key: state.data_version for key, state in known.items() if state.data_version}
    inputs = {}
    for name, key in _loaded_assets(planned_step(plan, slice_.step_key)).items():
        written = known[key].materialization if key in known else None
        if written is not None and written.run_id:
            inputs[name] = wire_attempt.StoredOutput(
                run_id=written.run_id, step_key=written.step_key, output_name=written.output
            )
    return replace(slice_, asset_versions=versions, asset_inputs=inputs)


def loaded_asset_keys(plan: wire_plan.RunPlan, step_key: str) -> set[str]:
    """Return the keys of the assets that a step loads from what was written last."""
    return set(_loaded_assets(planned_step(plan, step_key)).values())


def _loaded_assets(planned: wire_plan.PlannedStep) -> dict[str, str]:
    """Return the asset of each input whose value no step of the run gives."""
    return {
        item.name: item.asset_key
        for item in planned.inputs
        if item.asset_key is not None and not item.sources and not item.is_nothing
    }


def planned_step(plan: wire_plan.RunPlan, step_key: str) -> wire_plan.PlannedStep:
    """Return the planned step.

    Raises:
        KeyError: *plan* has no such step.
    """
    for step in plan.steps:
        if step.key == step_key:
            return step
    raise KeyError(step_key)


def cut_config(run_config: Mapping[str, Any], op_path: str) -> dict[str, Any]:
    """Return the part of *run_config* that the op at *op_path* reads: its own, its graphs', and what is not per op."""
    kept = {key: value for key, value in run_config.items() if key != "ops"}
    ops = _cut_ops(run_config.get("ops"), op_path.split("."))
    return {**kept, "ops": ops} if ops else kept


def _cut_ops(ops: Any, path: list[str]) -> dict[str, Any]:
    """Return *ops* (any JSON, since a user wrote it) with only the node at *path*."""
    if not isinstance(ops, dict) or path[0] not in ops:
        return {}
    node = ops[path[0]]
    if len(path) == 1 or not isinstance(node, dict):
        return {path[0]: node}
    cut_node = {key: value for key, value in node.items() if key != "ops"}
    inner = _cut_ops(node.get("ops"), path[1:])
    return {path[0]: {**cut_node, "ops": inner} if inner else cut_node}


def stored_inputs(
    state: model.RunState, planned: wire_plan.PlannedStep, item: wire_plan.StepInput
) -> tuple[wire_attempt.StoredOutput, ...]:
    """Return the outputs that feed *item* of *planned*, in the order of its sources; those never produced are left out.

    Of the dynamic output that the step is mapped over, that is the one member that it was made for.
    """
    own_key = mapped_steps.mapping_key_of(planned.key)
    found: list[wire_attempt.StoredOutput] = []
    for source in item.sources:
        if source.run_id is not None:
            found.append(
                wire_attempt.StoredOutput(
                    run_id=source.run_id,
                    step_key=source.step_key,
                    output_name=source.output_name,
                    mapping_key=source.mapping_key,
                )
            )
            continue
        found += (
            wire_attempt.StoredOutput(
                run_id=state.run.id,
                step_key=source.step_key,
                output_name=source.output_name,
                mapping_key=produced.mapping_key,
            )
            for produced in produced_outputs(state, source.step_key)
            if produced.name == source.output_name
            and (source != planned.mapped_over or produced.mapping_key == own_key)
        )
    return tuple(found)


def produced_outputs(
    state: model.RunState, step_key: str
) -> tuple[wire_attempt.ProducedOutput, ...]:
    """Return what a step has stored; nothing unless it has succeeded."""
    attempt = successful_attempt(state, step_key)
    return attempt.outcome.outputs if attempt and attempt.outcome else ()


def successful_attempt(state: model.RunState, step_key: str) -> model.Attempt | None:
    """Return the attempt whose outputs count, if the step has succeeded."""
    step = state.steps.get(model.StepKey(step_key))
    if step is None:
        return None
    for attempt in reversed(step.attempts):
        if attempt.outcome and attempt.outcome.status is model.AttemptStatus.SUCCESS:
            return attempt
    return None


def depends_on(plan: wire_plan.RunPlan, step_key: str, source: wire_attempt.StoredOutput) -> bool:
    """Return whether *plan* feeds *step_key* from the output *source* of the same run.

    A step that is mapped over a dynamic output reads its own member only.
    """
    planned = planned_step(plan, step_key)
    wanted = wire_plan.OutputRef(step_key=source.step_key, output_name=source.output_name)
    if wanted == planned.mapped_over and source.mapping_key != mapped_steps.mapping_key_of(
        step_key
    ):
        return False
    return any(wanted in item.sources for item in planned.inputs)


def reads_earlier(
    plan: wire_plan.RunPlan, step_key: str, source: wire_attempt.StoredOutput
) -> bool:
    """Return whether *plan* feeds *step_key* from the output *source* of an earlier run."""
    wanted = wire_plan.OutputRef(
        step_key=source.step_key,
        output_name=source.output_name,
        run_id=source.run_id,
        mapping_key=source.mapping_key,
    )
    return any(wanted in item.sources for item in planned_step(plan, step_key).inputs)
