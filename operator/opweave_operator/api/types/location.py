"""Code locations, the jobs in their code, and declared jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from opweave.wire import location as wire_location
from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.api.types.run import LocationName
from opweave_operator.api.types.scalars import Info, Tag, json_of, tags_of


@strawberry.type
class LoadFailure:
    """Why the newest version of a location cannot be loaded."""

    reason: str
    message: str
    traceback: str
    output: str


@strawberry.type
class StepSource:
    """An output of a step that feeds an input of another."""

    step_key: str
    output_name: str


@strawberry.type
class StepInputPlan:
    """An input of a planned step; several sources mean fan-in."""

    name: str
    sources: list[StepSource]
    is_fan_in: bool
    is_nothing: bool


@strawberry.type
class StepOutputPlan:
    """An output of a planned step."""

    name: str
    is_required: bool
    is_dynamic: bool
    is_nothing: bool


@strawberry.type
class PlannedStep:
    """A step of a job, before any run."""

    step_key: str
    op_name: str
    description: str | None
    tags: list[Tag]
    inputs: list[StepInputPlan]
    outputs: list[StepOutputPlan]
    upstream_keys: list[str]

    @classmethod
    def of(cls, step: wire_plan.PlannedStep) -> PlannedStep:
        """Return the GraphQL form of *step*."""
        return cls(
            step_key=step.key,
            op_name=step.op,
            description=step.description,
            tags=tags_of(step.tags),
            inputs=[
                StepInputPlan(
                    name=item.name,
                    sources=[
                        StepSource(step_key=ref.step_key, output_name=ref.output_name)
                        for ref in ((item.collects,) if item.collects else item.sources)
                    ],
                    is_fan_in=item.is_fan_in,
                    is_nothing=item.is_nothing,
                )
                for item in step.inputs
            ],
            outputs=[
                StepOutputPlan(
                    name=item.name,
                    is_required=item.is_required,
                    is_dynamic=item.is_dynamic,
                    is_nothing=item.is_nothing,
                )
                for item in step.outputs
            ],
            upstream_keys=list(mapped_steps.needed_keys(step)),
        )


@strawberry.type
class NodeInput:
    """An input of a node with the paths of the nodes that feed it."""

    name: str
    sources: list[str]


@strawberry.type
class GraphNode:
    """A node of a job's graph: an op, or a graph that holds the nodes whose *parent_path* is its path."""

    path: str
    parent_path: str | None
    definition: str
    description: str | None
    is_graph: bool
    inputs: list[NodeInput]
    outputs: list[str]


def _flatten(
    nodes: tuple[wire_location.GraphNode, ...], parent: str | None = None
) -> Iterator[GraphNode]:
    for node in nodes:
        yield GraphNode(
            path=node.path,
            parent_path=parent,
            definition=node.definition,
            description=node.description,
            is_graph=bool(node.children),
            inputs=[
                NodeInput(name=name, sources=list(paths)) for name, paths in node.inputs.items()
            ],
            outputs=list(node.outputs),
        )
        yield from _flatten(node.children, node.path)


@strawberry.type
class Job:
    """A job in the code of a location."""

    name: str
    location: LocationName
    description: str | None
    tags: list[Tag]
    requires_config: bool
    definitions_hash: str
    config_schema: JSON
    default_run_config: JSON
    snapshot: strawberry.Private[wire_location.JobSnapshot]

    @classmethod
    def of(cls, location: ports.LocationRecord, job: wire_location.JobSnapshot) -> Job:
        """Return the GraphQL form of *job*."""
        return cls(
            name=job.name,
            location=LocationName(namespace=location.ref.namespace, name=location.ref.name),
            description=job.description,
            tags=tags_of(job.tags),
            requires_config=job.requires_config,
            definitions_hash=location.snapshot.definitions_hash if location.snapshot else "",
            config_schema=json_of(job.config_schema),
            default_run_config=json_of(job.plan.run_config),
            snapshot=job,
        )

    @strawberry.field
    def steps(self) -> list[PlannedStep]:
        """The steps that a run of it has, upstream before downstream; [?] ends the key of one that runs for each member."""
        return [PlannedStep.of(step) for step in mapped_steps.in_order(self.snapshot.plan)]

    @strawberry.field
    def nodes(self) -> list[GraphNode]:
        """Its graph as people drew it, each graph before the nodes that it holds."""
        return list(_flatten(self.snapshot.graph))


@strawberry.type
class DeclaredJob:
    """A job that was declared as an object or in a file: a job of a location with config, tags and limits."""

    namespace: str
    name: str
    location_name: str
    job_name: str
    run_config: JSON
    tags: list[Tag]
    priority: int
    max_concurrent_runs: int | None
    start_timeout_seconds: int | None
    run_timeout_seconds: int | None

    @classmethod
    def of(cls, record: ports.JobRecord) -> DeclaredJob:
        """Return the GraphQL form of *record*."""
        return cls(
            namespace=record.namespace,
            name=record.name,
            location_name=record.location,
            job_name=record.job,
            run_config=json_of(dict(record.run_config)),
            tags=tags_of(record.tags),
            priority=record.priority,
            max_concurrent_runs=record.max_concurrent_runs,
            start_timeout_seconds=record.timeouts.start_seconds,
            run_timeout_seconds=record.timeouts.run_seconds,
        )


@strawberry.type
class CodeLocation:
    """A code location: somebody's definitions and the server that loads them."""

    namespace: str
    name: str
    image: str
    is_serving: bool
    definitions_hash: str
    runtime_version: str
    load_seconds: float | None
    loaded_time: datetime | None
    update_time: datetime | None
    load_failure: LoadFailure | None
    assets: list[str]
    schedules: list[str]
    sensors: list[str]
    record: strawberry.Private[ports.LocationRecord]

    @classmethod
    def of(cls, record: ports.LocationRecord) -> CodeLocation:
        """Return the GraphQL form of *record*."""
        snapshot, failure = record.snapshot, record.failure
        return cls(
            namespace=record.ref.namespace,
            name=record.ref.name,
            image=record.image,
            is_serving=bool(record.url) and snapshot is not None,
            definitions_hash=snapshot.definitions_hash if snapshot else "",
            runtime_version=snapshot.runtime_version if snapshot else "",
            load_seconds=snapshot.load_seconds if snapshot else None,
            loaded_time=record.loaded_at,
            update_time=record.updated_at,
            load_failure=LoadFailure(
                reason=failure.reason,
                message=failure.message,
                traceback=failure.traceback,
                output=failure.output,
            )
            if failure
            else None,
            assets=list(snapshot.assets) if snapshot else [],
            schedules=list(snapshot.schedules) if snapshot else [],
            sensors=list(snapshot.sensors) if snapshot else [],
            record=record,
        )

    @strawberry.field
    def jobs(self) -> list[Job]:
        """The jobs in its code."""
        return jobs_of(self.record)

    @strawberry.field
    def job(self, name: str) -> Job | None:
        """One of the jobs in its code."""
        return next((job for job in jobs_of(self.record) if job.name == name), None)

    @strawberry.field
    async def declared_jobs(self, info: Info) -> list[DeclaredJob]:
        """The declared jobs that refer to it."""
        return [
            DeclaredJob.of(record)
            for record in await info.context.loaders.declared_jobs()
            if record.namespace == self.namespace and record.location == self.name
        ]


def jobs_of(record: ports.LocationRecord) -> list[Job]:
    """Return the jobs that are in the code of a location."""
    return [Job.of(record, job) for job in record.snapshot.jobs] if record.snapshot else []
