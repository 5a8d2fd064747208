"""The plan of a run: what the operator needs to know to run a job without its code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions.inputs import InputDefinition
from opweave.definitions.job import JobDefinition
from opweave.definitions.run_config import RunConfig
from opweave.definitions.structure import JobStructure, OpNode
from opweave.execution.pod_shape import POD_TAG, pod_shape
from opweave.wire import mapped_steps
from opweave.wire import plan as wire

MAX_RUNTIME_TAG = "opweave/max_runtime"
"""On an op: seconds from the start of its body after which the step is stopped."""


def build_plan(
    job: JobDefinition,
    run_config: RunConfig | Mapping[str, Any] | None = None,
    op_selection: Sequence[str] = (),
) -> wire.RunPlan:
    """Return the plan of a run of *job*.

    Args:
        job: With the resources of its location.
        run_config: In place of the job's own when it is not empty.
        op_selection: Only these ops; all when it is empty.

    Raises:
        OpweaveInvalidConfigError: With every problem of the run config.
        OpweaveInvalidSubsetError: *op_selection* is no list or names nothing.
        OpweaveInvalidDefinitionError: A required resource is not defined, or a tag is wrong.
    """
    structure = job.selected(op_selection)
    steps, templates = planned_steps(job, structure)
    return wire.RunPlan(
        job=job.name,
        steps=steps,
        templates=templates,
        run_config=job.complete_run_config(run_config, structure),
        tags=job.tags,
    )


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
        inputs=tuple(_input(structure, node, given) for given in definition.inputs.values()),
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
        timeout_seconds=_timeout(node, job),
        mapped_over=structure.mapped_over.get(node.path),
    )


def _step_key(structure: JobStructure, path: str) -> str:
    return f"{path}{mapped_steps.ANY_KEY}" if path in structure.mapped_over else path


def _input(structure: JobStructure, node: OpNode, definition: InputDefinition) -> wire.StepInput:
    fed = node.inputs.get(definition.name)
    if fed is None:
        return wire.StepInput(name=definition.name, is_nothing=definition.is_nothing)
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


def _tags(node: OpNode) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in node.tags.items()
        if key != POD_TAG
    }


def _timeout(node: OpNode, job: JobDefinition) -> float | None:
    value = node.tags.get(MAX_RUNTIME_TAG)
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise errors.OpweaveInvalidDefinitionError(
            f"{node.path!r} in {job} has the tag {MAX_RUNTIME_TAG} with {shown(value)}: give a number of seconds above 0"
        )
    return seconds
