"""The store of runs, for both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, false, func, or_, select

from opweave_operator import errors, ports
from opweave_operator.core import model
from opweave_operator.storage import admission, event_rows, run_record, run_rows, schema
from opweave_operator.storage.database import Database
from opweave_operator.storage.run_cache import CachedRun, RunCache
from opweave_operator.storage.wakeups import RunWakeUps

MAX_LISTED = 10_000
"""The most runs that one call of `SqlRunStore.list_runs` returns."""


class SqlRunStore:
    """Runs with their steps and attempts; fulfils `ports.RunStore`.

    Args:
        cache: Shared with the event store of the same process.
    """

    def __init__(self, database: Database, cache: RunCache, wakeups: RunWakeUps) -> None:
        self._database = database
        self._cache = cache
        self._wakeups = wakeups

    async def create(self, run: model.Run, events: Sequence[model.NewEvent]) -> model.RunState:
        """Store a new run with its steps; the same id again changes nothing."""
        keys = [model.StepKey(step.key) for step in run.plan.steps]
        if len(set(keys)) < len(keys):
            raise errors.StorageRefused(
                f"the plan of run {run.id} names a step twice; keys are unique"
            )
        state = model.RunState(
            run=replace(run, next_event=len(events)),
            steps={key: model.Step(key=key, index=index) for index, key in enumerate(keys)},
        )
        rows = [event_rows.own_event_values(run.id, n, event) for n, event in enumerate(events)]

        def insert(connection: Connection) -> tuple[CachedRun, bool]:
            created = run_record.insert_run(connection, state, rows, self._cache)
            if created is not None:
                self._wakeups.announce(connection, run.id)
                return created, True
            known = run_record.load(connection, run.id, self._cache)
            if known is None:
                raise errors.StorageError(f"run {run.id} was deleted while it was created")
            return known, False

        stored, is_new = await self._database.write(insert)
        if is_new:
            self._committed(stored)
        return stored.state

    async def load(self, run_id: model.RunId) -> model.RunState | None:
        """Return the run, or None."""
        loaded = await self._database.read(
            lambda connection: run_record.load(connection, run_id, self._cache)
        )
        if loaded is None:
            return None
        self._cache.put(loaded)
        return loaded.state

    async def transact(
        self, run_id: model.RunId, change: ports.StateFunction
    ) -> model.Decision | None:
        """Apply *change* to the run under its lock and store the difference."""

        def apply(connection: Connection) -> tuple[CachedRun, model.Decision, bool] | None:
            loaded = run_record.load(connection, run_id, self._cache, lock=True)
            if loaded is None:
                return None
            stored, decision = self._change(connection, loaded, change)
            return stored, decision, stored is not loaded

        applied = await self._database.write(apply)
        if applied is None:
            return None
        stored, decision, has_changed = applied
        if has_changed:
            self._committed(stored)
        return decision

    def _change(
        self, connection: Connection, loaded: CachedRun, change: ports.StateFunction
    ) -> tuple[CachedRun, model.Decision]:
        decision = change(loaded.state)
        run = loaded.state.run
        rows = [
            event_rows.own_event_values(run.id, number, event)
            for number, event in enumerate(decision.events, start=run.next_event)
        ]
        stored = run_record.store(connection, loaded, decision.state, rows)
        if stored is not loaded:
            self._wakeups.announce(connection, run.id)
        return stored, replace(decision, state=stored.state)

    def _committed(self, stored: CachedRun) -> None:
        self._cache.put(stored)
        self._wakeups.spread(stored.state.run.id)

    async def list_runs(
        self, where: ports.RunFilter, *, limit: int, before: model.RunId | None = None
    ) -> list[model.Run]:
        """Return runs without their plans, newest first: ids begin with the time of creation, so they are the order."""
        statement = select(schema.runs).where(*_conditions(where)).order_by(schema.runs.c.id.desc())
        if before is not None:
            statement = statement.where(schema.runs.c.id < before)
        statement = statement.limit(min(max(limit, 0), MAX_LISTED))
        return await self._database.read(
            lambda connection: [run_rows.run_from(row) for row in connection.execute(statement)]
        )

    async def unfinished(self) -> list[model.RunId]:
        """Return the runs which the engine must look at, oldest first."""
        statement = (
            select(schema.runs.c.id)
            .where(
                schema.runs.c.is_settled == false(),
                or_(
                    schema.runs.c.status != model.RunStatus.QUEUED.value,
                    schema.runs.c.cancel_requested_at.is_not(None),
                ),
            )
            .order_by(schema.runs.c.id)
        )
        return await self._database.read(
            lambda connection: [model.RunId(row.id) for row in connection.execute(statement)]
        )

    async def queued(self) -> list[model.Run]:
        """Return the QUEUED runs without their plans, oldest first."""
        statement = (
            select(schema.runs)
            .where(schema.runs.c.status == model.RunStatus.QUEUED.value)
            .order_by(schema.runs.c.created_at, schema.runs.c.id)
        )
        return await self._database.read(
            lambda connection: [run_rows.run_from(row) for row in connection.execute(statement)]
        )

    async def admit(
        self,
        candidates: Sequence[model.RunId],
        choose: ports.QueueFunction,
        change: ports.StateFunction,
    ) -> list[model.RunId]:
        """Apply *change* to those of *candidates* that *choose* returns; return these."""

        def apply(connection: Connection) -> list[CachedRun]:
            admission.lock(connection)
            loaded = admission.still_queued(connection, candidates, self._cache)
            queued = [found.state.run for found in loaded.values()]
            chosen = choose(queued, admission.active(connection))
            return [self._change(connection, loaded[run_id], change)[0] for run_id in chosen]

        admitted = await self._database.write(apply)
        for stored in admitted:
            self._committed(stored)
        return [stored.state.run.id for stored in admitted]

    async def note_queued(self, reasons: Mapping[model.RunId, str]) -> None:
        """Store why runs wait in the queue; one that has left it stays as it is."""

        def apply(connection: Connection) -> None:
            admission.lock(connection)
            admission.note(connection, reasons)

        await self._database.write(apply)

    async def count_by_status(self, where: ports.RunFilter) -> dict[model.RunStatus, int]:
        """Return how many runs there are of each status; one without any is left out."""
        status = schema.runs.c.status
        statement = select(status, func.count()).where(*_conditions(where)).group_by(status)
        return await self._database.read(
            lambda connection: {
                model.RunStatus(row[0]): row[1] for row in connection.execute(statement)
            }
        )


def _conditions(where: ports.RunFilter) -> list[ColumnElement[bool]]:
    columns = schema.runs.c
    found: list[ColumnElement[bool]] = []
    if where.statuses:
        found.append(columns.status.in_([status.value for status in where.statuses]))
    if where.job is not None:
        found.append(columns.job == where.job)
    if where.location is not None:
        found.append(columns.namespace == where.location.namespace)
        found.append(columns.location == where.location.name)
    if where.job_resource is not None:
        found.append(columns.job_resource == where.job_resource)
    if where.created_after is not None:
        found.append(columns.created_at > where.created_after)
    if where.created_before is not None:
        found.append(columns.created_at < where.created_before)
    tags = schema.run_tags.c
    for key, value in where.tags.items():
        matching = select(tags.run_id).where(
            tags.key == key, tags.value == run_rows.tag_lookup(value)
        )
        found.append(columns.id.in_(matching))
    return found
