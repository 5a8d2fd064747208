"""Snapshots: what a location defines, without its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.definitions import composition
from opweave.definitions.graph import GraphDefinition
from opweave.definitions.job import JobDefinition
from opweave.execution.plan import planned_steps
from opweave.wire.location import GraphNode, JobSnapshot, ScheduleSnapshot, SensorSnapshot
from opweave.wire.plan import RunPlan

if TYPE_CHECKING:
    from opweave.definitions.schedule import ScheduleDefinition
    from opweave.definitions.sensor import SensorDefinition


def snapshot_job(job: JobDefinition) -> JobSnapshot:
    """Return what is told of *job*.

    Raises:
        OpweaveInvalidDefinitionError: A required resource is not defined, a tag is wrong, or the job's own config does not fit.
    """
    steps, templates = planned_steps(job, job.structure)
    try:
        run_config, requires_config = job.complete_run_config(), False
    except errors.OpweaveInvalidConfigError as error:
        _check_own_config(job, error)
        # Its plan is shown all the same; a run of it needs config.
        run_config, requires_config = {}, True
    return JobSnapshot(
        name=job.name,
        plan=RunPlan(
            job=job.name,
            steps=steps,
            templates=templates,
            run_config=run_config,
            tags=job.tags,
        ),
        description=job.description,
        tags=job.tags,
        graph=_nodes(job.graph, ""),
        config_schema=job_config_schema(job),
        requires_config=requires_config,
    )


def _check_own_config(job: JobDefinition, error: errors.OpweaveInvalidConfigError) -> None:
    """Refuse a job whose own config is wrong in what it says; what it leaves out, a run may give."""
    wrong = [problem for problem in error.problems if problem.code != "MISSING_FIELD"]
    if job.run_config and wrong:
        told = "; ".join(f"{'.'.join(p.path) or 'run config'} {p.message}" for p in wrong[:5])
        raise errors.OpweaveInvalidDefinitionError(
            f"the config= of {job} does not fit the job: {told}"
        ) from None


def job_config_schema(job: JobDefinition) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the run config of *job*."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"run config of {job.name}",
        **job.run_config_type().json_schema(),
    }


def _nodes(graph: GraphDefinition, path: str) -> tuple[GraphNode, ...]:
    return tuple(_node(use, path) for use in graph.invocations.values())


def _node(use: composition.Invocation, parent: str) -> GraphNode:
    prefix = f"{parent}." if parent else ""
    path = f"{prefix}{use.name}"
    definition = use.definition
    children = _nodes(definition, path) if isinstance(definition, GraphDefinition) else ()
    return GraphNode(
        path=path,
        definition=definition.name,
        description=definition.description,
        inputs={name: _feeding(use.inputs.get(name), prefix) for name in definition.inputs},
        outputs=tuple(definition.outputs),
        children=children,
    )


def _feeding(source: composition.InputSource | None, prefix: str) -> tuple[str, ...]:
    if source is None:
        return ()
    return tuple(
        f"{prefix}{member.node_name}"
        for member in composition.members_of(source)
        if isinstance(member, composition.OutputHandle)
    )


def snapshot_schedule(schedule: ScheduleDefinition) -> ScheduleSnapshot:
    """Return what others may know of a schedule."""
    return ScheduleSnapshot(
        name=schedule.name,
        crons=schedule.crons,
        time_zone=schedule.execution_timezone or "",
        jobs=(schedule.job_name,),
        is_default_running=schedule.default_status.value == "RUNNING",
        description=schedule.description,
    )


def snapshot_sensor(sensor: SensorDefinition) -> SensorSnapshot:
    """Return what others may know of a sensor."""
    return SensorSnapshot(
        name=sensor.name,
        jobs=sensor.job_names,
        interval_seconds=sensor.minimum_interval_seconds,
        is_default_running=sensor.default_status.value == "RUNNING",
        description=sensor.description,
    )
