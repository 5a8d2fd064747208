"""Runs, pages of runs, and how to choose among them."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.api import paging
from opweave_operator.api.types.event import EventPage
from opweave_operator.api.types.scalars import Info, Tag, TagInput, json_of, tags_of
from opweave_operator.api.types.step import RunStep, steps_of
from opweave_operator.core import model, run_state

strawberry.enum(model.RunStatus)


@strawberry.type
class LocationName:
    """Namespace and name of a code location."""

    namespace: str
    name: str


@strawberry.type
class StepCount:
    """How many steps of a run have a status."""

    status: model.StepStatus
    count: int


@strawberry.type
class Run:
    """A requested run."""

    run_id: strawberry.ID
    job_name: str
    job_resource: str | None
    location: LocationName
    status: model.RunStatus
    tags: list[Tag]
    priority: int
    launched_by: str
    image: str
    definitions_hash: str
    object_name: str | None
    parent_run_id: strawberry.ID | None
    root_run_id: strawberry.ID | None
    reason: str
    message: str
    queued_reason: str
    creation_time: datetime
    dequeue_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    cancel_request_time: datetime | None
    is_finished: bool
    can_terminate: bool
    event_count: int

    @classmethod
    def of(cls, run: model.Run) -> Run:
        """Return the GraphQL form of *run*; its plan is read only when a field needs it."""
        return cls(
            run_id=strawberry.ID(run.id),
            job_name=run.job,
            job_resource=run.job_resource,
            location=LocationName(namespace=run.location.namespace, name=run.location.name),
            status=run.status,
            tags=tags_of(run.tags),
            priority=run.priority,
            launched_by=run.launched_by,
            image=run.image,
            definitions_hash=run.definitions_hash,
            object_name=run.object_name,
            parent_run_id=strawberry.ID(run.parent_run_id) if run.parent_run_id else None,
            root_run_id=strawberry.ID(run.root_run_id) if run.root_run_id else None,
            reason=run.reason,
            message=run.message,
            queued_reason=run.queued_reason,
            creation_time=run.created_at,
            dequeue_time=run.dequeued_at,
            start_time=run.started_at,
            end_time=run.ended_at,
            cancel_request_time=run.cancel_requested_at,
            is_finished=run.status in run_state.FINISHED,
            can_terminate=run.status in run_state.CANCELABLE and run.cancel_requested_at is None,
            event_count=run.next_event,
        )

    @strawberry.field
    async def run_config(self, info: Info) -> JSON:
        """Its config with every default filled in."""
        state = await _state(self, info)
        return json_of(dict(state.run.plan.run_config) if state else {})

    @strawberry.field
    async def steps(self, info: Info) -> list[RunStep]:
        """Its steps, upstream before downstream."""
        state = await _state(self, info)
        return steps_of(state) if state else []

    @strawberry.field
    async def step(self, info: Info, step_key: str) -> RunStep | None:
        """One of its steps."""
        state = await _state(self, info)
        found = [step for step in steps_of(state) if step.step_key == step_key] if state else []
        return found[0] if found else None

    @strawberry.field
    async def step_counts(self, info: Info) -> list[StepCount]:
        """How many of its steps have each status."""
        state = await _state(self, info)
        statuses = [step.status for step in state.steps.values()] if state else []
        return [
            StepCount(status=status, count=statuses.count(status))
            for status in model.StepStatus
            if status in statuses
        ]

    @strawberry.field
    async def events(
        self,
        info: Info,
        after: int = -1,
        first: int = 100,
        step_key: str | None = None,
        types: list[wire_attempt.EventType] | None = None,
    ) -> EventPage:
        """Entries of its log numbered above *after*; at most 1000 at a time."""
        first = paging.checked_first(first)
        found = await info.context.dependencies.events.events(
            model.RunId(self.run_id),
            after=paging.checked_after(after),
            limit=first + 1,
            step_key=model.StepKey(step_key) if step_key is not None else None,
            types=types or (),
        )
        return EventPage.of(found, after=after, first=first)


async def _state(run: Run, info: Info) -> model.RunState | None:
    return await info.context.loaders.run_state(model.RunId(run.run_id))


@strawberry.type
class RunPage:
    """Some runs, newest first; ask again with *after* set to *end_cursor*."""

    runs: list[Run]
    end_cursor: strawberry.ID | None
    has_more: bool

    @classmethod
    def of(cls, found: list[model.Run], *, first: int) -> RunPage:
        """Return the first *first* of *found*, which holds one more if there are more."""
        shown = found[:first]
        return cls(
            runs=[Run.of(run) for run in shown],
            end_cursor=strawberry.ID(shown[-1].id) if shown else None,
            has_more=len(found) > len(shown),
        )


@strawberry.input
class LocationSelector:
    """Names a code location."""

    namespace: str
    name: str

    def ref(self) -> model.LocationRef:
        """Return the domain's form."""
        return model.LocationRef(namespace=self.namespace, name=self.name)


@strawberry.input
class RunsFilter:
    """Which runs to list; what is left out means any."""

    statuses: list[model.RunStatus] | None = None
    job_name: str | None = None
    job_resource: str | None = None
    location: LocationSelector | None = None
    tags: list[TagInput] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def where(self) -> ports.RunFilter:
        """Return the domain's form."""
        return ports.RunFilter(
            statuses=tuple(self.statuses or ()),
            job=self.job_name,
            job_resource=self.job_resource,
            location=self.location.ref() if self.location else None,
            tags={tag.key: tag.value for tag in self.tags or ()},
            created_after=paging.aware(self.created_after),
            created_before=paging.aware(self.created_before),
        )
