"""The plan of a run: what the operator needs to know to run a job without its code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.deferred import deferred_module
from opweave.definitions.inputs import InputDefinition
from opweave.definitions.job import JobDefinition
from opweave.definitions.run_config import RunConfig
from opweave.definitions.structure import JobStructure, OpNode
from opweave.execution import time_limit
from opweave.execution.pod_shape import POD_TAG, pod_shape
from opweave.wire import mapped_steps
from opweave.wire import plan as wire

if TYPE_CHECKING:
    from opweave.definitions.assets import selection as asset_selections
else:
    asset_selections = deferred_module("opweave.definitions.assets.selection")

AFTER_INPUT = "(after)"
"""Name of the input of a step for what it waits for beside its op's inputs; no op can have one of this name."""


def build_plan(
    job: JobDefinition,
    run_config: RunConfig | Mapping[str, Any] | None = None,
    op_selection: Sequence[str] = (),
    asset_selection: Any = None,
) -> wire.RunPlan:
    """Return the plan of a run of *job*.

    Args:
        job: With the resources of its location.
        run_config: In place of the job's own when it is not empty.
        op_selection: Only these ops; all when it is empty.
        asset_selection: Only these assets of a job of assets; `Any`, because a selection is a text, an object or a list.

    Raises:
        OpweaveInvalidConfigError: With every problem of the run config.
        OpweaveInvalidSubsetError: A selection is none or names nothing.
        OpweaveInvalidDefinitionError: A required resource is not defined, or a tag is wrong.
    """
    job = asset_subset(job, asset_selection)
    structure = job.selected(op_selection)
    steps, templates = planned_steps(job, structure)
    return wire.RunPlan(
        job=job.name,
        steps=steps,
        templates=templates,
        run_config=job.complete_run_config(run_config, structure),
        tags=job.tags,
    )


def asset_subset(job: JobDefinition, asset_selection: Any) -> JobDefinition:
    """Return *job* with those of its assets only that *asset_selection* picks; all when it is empty.

    Raises:
        OpweaveInvalidSubsetError: The job has no assets, or not these.
    """
    if asset_selection is None or asset_selection in ((), []):
        return job
    layer = job.asset_layer
    if layer is None:
        raise errors.OpweaveInvalidSubsetError(
            f"an asset selection is given for {job}, which has no assets: give an op selection, or leave it out"
        )
    part = asset_selections.resolve_part(asset_selection, layer.assets, str(job))
    outside = sorted(part.keys - layer.part.keys)
    if outside:
        raise errors.OpweaveInvalidSubsetError(
            f"{job} does not make the asset {outside[0].to_user_string()!r}: select among those that it makes"
        )
    return layer.subset(part, job)


def planned_steps(
    job: JobDefinition, structure: JobStructure
) -> tuple[tuple[wire.PlannedStep, ...], tuple[wire.PlannedStep, ...]]:
    """Return the steps of the ops in *structure* and the templates of those that dynamic outputs call for, upstream first.

    Raises:
        OpweaveInvalidDefinitionError: A tag that shapes the step is wrong.
    """
    mapped = structure.mapped_over
    planned = [_step(job, structure, node) for node in structure.nodes.values()]
    if not mapped:
        return tuple(planned), ()
    steps = tuple(step for step in planned if step.mapped_over is None)
    return steps, tuple(step for step in planned if step.mapped_over is not None)


def _step(job: JobDefinition, structure: JobStructure, node: OpNode) -> wire.PlannedStep:
    definition = node.definition
    policy = node.retry_policy or job.op_retry_policy
    return wire.PlannedStep(
        key=_step_key(structure, node.path),
        op=definition.name,
        description=definition.description,
        inputs=(
            *(_input(structure, node, given) for given in definition.inputs.values()),
            *_after(node),
        ),
        outputs=tuple(
            wire.StepOutput(
                name=o.name,
                is_required=o.is_required,
                is_dynamic=o.is_dynamic,
                is_nothing=o.is_nothing,
            )
            for o in definition.outputs.values()
        ),
        tags=_tags(node),
        pod=pod_shape(node.tags.get(POD_TAG), f"{node.path!r} in {job}"),
        retry_policy=policy.to_wire() if policy is not None else None,
        timeout_seconds=time_limit.limit_of(node, job),
        mapped_over=structure.mapped_over.get(node.path),
        assets=_assets(node),
        asset_checks=_asset_checks(node),
    )


def _assets(node: OpNode) -> tuple[wire.PlannedAsset, ...]:
    use = node.assets
    if use is None:
        return ()
    return tuple(
        wire.PlannedAsset(
            key=spec.key.to_user_string(),
            output=output,
            is_observation=use.is_observation,
            upstream=tuple(dep.asset_key.to_user_string() for dep in spec.deps),
        )
        for output, spec in use.outputs.items()
    )


def _asset_checks(node: OpNode) -> tuple[wire.PlannedAssetCheck, ...]:
    return tuple(
        wire.PlannedAssetCheck(asset_key=check.asset_key.to_user_string(), name=check.name)
        for check in (node.assets.checks if node.assets is not None else ())
    )


def _after(node: OpNode) -> tuple[wire.StepInput, ...]:
    """Return the input that stands for what must have succeeded beside what feeds the step."""
    if not node.after:
        return ()
    return (wire.StepInput(name=AFTER_INPUT, sources=node.after, is_nothing=True),)


def _step_key(structure: JobStructure, path: str) -> str:
    return f"{path}{mapped_steps.ANY_KEY}" if path in structure.mapped_over else path


def _input(structure: JobStructure, node: OpNode, definition: InputDefinition) -> wire.StepInput:
    fed = node.inputs.get(definition.name)
    if fed is None:
        return wire.StepInput(
            name=definition.name,
            is_nothing=definition.is_nothing,
            asset_key=_asset_key(node, definition.name),
        )
    sources, collects = fed.sources, None
    if structure.mapped_over:
        sources = tuple(_as_planned(structure, ref) for ref in fed.sources)
    if fed.is_collected and _is_several(structure, fed.sources[0]):
        (collects,) = sources
        sources = (structure.mapped_over.get(fed.sources[0].step_key, collects),)
    return wire.StepInput(
        name=definition.name,
        sources=sources,
        is_fan_in=fed.is_fan_in,
        is_nothing=definition.is_nothing,
        collects=collects,
        asset_key=_asset_key(node, definition.name),
    )


def _is_several(structure: JobStructure, ref: wire.OutputRef) -> bool:
    """Return whether *ref* stands for members; an op whose dynamic upstream was not selected runs once."""
    output = structure.nodes[ref.step_key].definition.outputs[ref.output_name]
    return output.is_dynamic or ref.step_key in structure.mapped_over


def _as_planned(structure: JobStructure, ref: wire.OutputRef) -> wire.OutputRef:
    """Return *ref* by the key of its step."""
    if ref.step_key not in structure.mapped_over:
        return ref
    return wire.OutputRef(step_key=_step_key(structure, ref.step_key), output_name=ref.output_name)


def _asset_key(node: OpNode, input_name: str) -> str | None:
    given = node.assets.inputs.get(input_name) if node.assets is not None else None
    return given.key.to_user_string() if given is not None else None


def _tags(node: OpNode) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in node.tags.items()
        if key != POD_TAG
    }
