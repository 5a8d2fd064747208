"""Schedules and sensors with their ticks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from opweave_operator.api import paging
from opweave_operator.api.types.scalars import Error, Info
from opweave_operator.core import instigators, tick_records

MAX_NEXT_TICKS = 100

strawberry.enum(instigators.Kind, name="InstigatorKind")
strawberry.enum(tick_records.TickStatus)


@strawberry.input
class InstigatorSelector:
    """A schedule or sensor: `locationName` is null for one that is declared without code."""

    kind: instigators.Kind
    namespace: str
    name: str
    location_name: str | None = None

    def ref(self) -> instigators.InstigatorRef:
        """Return what it is filed under."""
        return instigators.InstigatorRef(
            kind=self.kind,
            namespace=self.namespace,
            location=self.location_name or "",
            name=self.name,
        )


@strawberry.type
class TickLogLine:
    """A line that the user's code logged in a tick."""

    timestamp: str
    level: str
    message: str


@strawberry.type
class Tick:
    """One evaluation; `timestamp` is the time for which a schedule's was due, or when a sensor's began."""

    timestamp: datetime
    status: tick_records.TickStatus
    start_time: datetime
    end_time: datetime | None
    skip_reason: str
    error: str
    traceback: str
    logs: list[TickLogLine]
    run_count: int
    run_ids: list[strawberry.ID]

    @classmethod
    def of(cls, tick: tick_records.Tick) -> Tick:
        """Return the GraphQL form of *tick*."""
        return cls(
            timestamp=tick.at,
            status=tick.status,
            start_time=tick.started_at,
            end_time=tick.ended_at,
            skip_reason=tick.skip_reason,
            error=tick.error,
            traceback=tick.traceback,
            logs=[
                TickLogLine(timestamp=line.at, level=line.level, message=line.message)
                for line in tick.logs
            ],
            run_count=tick.runs,
            run_ids=[strawberry.ID(run_id) for run_id in tick.run_ids],
        )


@strawberry.type
class TickPage:
    """Some ticks, newest first; ask again with `before` set to `endCursor`."""

    ticks: list[Tick]
    end_cursor: datetime | None
    has_more: bool


@strawberry.type
class Instigator:
    """A schedule or sensor; `problem` says why it cannot tick, and `declaredAs` names the object that decides whether it does."""

    kind: instigators.Kind
    namespace: str
    location_name: str | None
    name: str
    description: str | None
    job_names: list[str]
    job_resource: str | None
    is_running: bool
    declared_as: str | None
    problem: str
    crons: list[str]
    time_zone: str | None
    interval_seconds: int | None
    cursor: str | None
    last_run_key: str | None
    source: strawberry.Private[instigators.Instigator]

    @classmethod
    def of(cls, found: instigators.Instigator) -> Instigator:
        """Return the GraphQL form of *found*."""
        is_schedule = found.ref.kind is instigators.Kind.SCHEDULE
        return cls(
            kind=found.ref.kind,
            namespace=found.ref.namespace,
            location_name=found.ref.location or None,
            name=found.ref.name,
            description=found.description,
            job_names=list(found.jobs),
            job_resource=found.job_resource,
            is_running=found.is_running,
            declared_as=found.declaration.name if found.declaration else None,
            problem=found.problem,
            crons=list(found.expressions),
            time_zone=found.time_zone if is_schedule else None,
            interval_seconds=None if is_schedule else found.interval_seconds,
            cursor=found.state.cursor,
            last_run_key=found.state.last_run_key,
            source=found,
        )

    @strawberry.field
    def next_ticks(self, info: Info, first: int = 5) -> list[datetime]:
        """When a schedule would tick next, whether it is running or not; at most 100."""
        if self.kind is not instigators.Kind.SCHEDULE or self.problem:
            return []
        moment, found = info.context.dependencies.clock.now(), []
        for _ in range(min(max(first, 0), MAX_NEXT_TICKS)):
            moment = self.source.cron.next_after(moment)
            found.append(moment)
        return found

    @strawberry.field
    async def ticks(self, info: Info, first: int = 25, before: datetime | None = None) -> TickPage:
        """Its ticks, newest first; at most 1000 at a time."""
        first = paging.checked_first(first)
        found = await info.context.dependencies.instigators.list_ticks(
            self.source.ref, limit=first + 1, before=paging.aware(before)
        )
        shown = found[:first]
        return TickPage(
            ticks=[Tick.of(tick) for tick in shown],
            end_cursor=shown[-1].at if shown else None,
            has_more=len(found) > len(shown),
        )


@strawberry.type
class InstigatorNotFound(Error):
    """There is no such schedule or sensor."""

    message: str


@strawberry.type
class InstigatorDeclared(Error):
    """An object declares whether it ticks: change that."""

    message: str


InstigatorResult = Annotated[
    Instigator | InstigatorNotFound | InstigatorDeclared, strawberry.union("InstigatorResult")
]
