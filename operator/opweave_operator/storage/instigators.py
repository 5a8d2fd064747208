"""The store of schedules and sensors with their ticks and the runs that these request, for both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from opweave_operator.core import tick_records
from opweave_operator.core.instigators import (
    Declaration,
    InstigatorRef,
    InstigatorState,
    Kind,
    Toggle,
)
from opweave_operator.core.tick_records import (
    RequestStatus,
    RunRequest,
    Tick,
    TickOutcome,
    TickStatus,
)
from opweave_operator.storage import instigator_rows as rows
from opweave_operator.storage import schema
from opweave_operator.storage.database import Database
from opweave_operator.storage.run_rows import RowValues

MAX_LISTED = 1000


class SqlInstigatorStore:
    """Schedules and sensors; fulfils `ports.InstigatorStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_declaration(self, declaration: Declaration) -> None:
        """Store a manifest in place of an older one."""
        values = rows.declaration_values(declaration)
        await self._database.write(
            lambda connection: _upsert(connection, schema.instigator_declarations, values)
        )

    async def delete_declaration(self, kind: Kind, namespace: str, name: str) -> None:
        """Forget a manifest; ticks, cursor and run keys stay."""
        table = schema.instigator_declarations
        statement = delete(table).where(
            table.c.kind == kind.value, table.c.namespace == namespace, table.c.name == name
        )
        await self._database.write(lambda connection: connection.execute(statement))

    async def declarations(self) -> list[Declaration]:
        """Return all manifests by kind, namespace and name."""
        table = schema.instigator_declarations
        statement = select(table).order_by(table.c.kind, table.c.namespace, table.c.name)
        return await self._database.read(
            lambda connection: [rows.declaration_from(r) for r in connection.execute(statement)]
        )

    async def states(self) -> list[InstigatorState]:
        """Return what has happened to all schedules and sensors."""
        statement = select(schema.instigator_states)
        return await self._database.read(
            lambda connection: [rows.state_from(r) for r in connection.execute(statement)]
        )

    async def get_state(self, ref: InstigatorRef) -> InstigatorState:
        """Return what has happened to one; that of a new one when nothing has."""
        return await self._database.read(lambda connection: _state(connection, ref))

    async def put_running(
        self, ref: InstigatorRef, *, running_since: datetime | None, timing: str
    ) -> None:
        """Note that the instigator began to tick, or to tick by another timing, at *running_since*; None: it stopped."""

        def note(connection: Connection) -> None:
            state = _state(connection, ref)
            position = state.position_at
            if running_since is not None and ref.kind is Kind.SCHEDULE:
                position = running_since
            changed = replace(
                state, running_since=running_since, timing=timing, position_at=position, failures=0
            )
            _put_state(connection, changed)

        await self._database.write(note)

    async def put_toggle(self, ref: InstigatorRef, toggle: Toggle | None) -> None:
        """Note what a person has set; None takes it back."""
        await self._database.write(
            lambda connection: _put_state(
                connection, replace(_state(connection, ref), toggle=toggle)
            )
        )

    async def put_cursor(self, ref: InstigatorRef, cursor: str | None) -> None:
        """Set the cursor of a sensor by hand."""
        await self._database.write(
            lambda connection: _put_state(
                connection, replace(_state(connection, ref), cursor=cursor)
            )
        )

    async def put_started(self, ref: InstigatorRef, at: datetime, started_at: datetime) -> None:
        """Show that a tick is being evaluated, unless it has ended."""
        outcome = TickOutcome(
            ref=ref, at=at, status=TickStatus.STARTED, started_at=started_at, ended_at=started_at
        )
        values = {**rows.tick_values(outcome, []), "ended_at": None}
        await self._database.write(
            lambda connection: _insert_if_absent(connection, schema.ticks, values)
        )

    async def commit_tick(self, outcome: TickOutcome) -> list[RunRequest] | None:
        """Store the end of a tick with its requests, run keys and cursor; return the requests, None when it had ended before."""
        return await self._database.write(lambda connection: _commit(connection, outcome))

    async def pending_requests(self, limit: int) -> list[RunRequest]:
        """Return requested runs that are not launched yet, oldest first."""
        table = schema.run_requests
        statement = (
            select(table)
            .where(table.c.status == RequestStatus.PENDING.value)
            .order_by(table.c.run_id)
            .limit(limit)
        )
        return await self._database.read(
            lambda connection: [rows.request_from(r) for r in connection.execute(statement)]
        )

    async def settle_requests(self, settled: Sequence[RunRequest]) -> None:
        """Store what became of requested runs; one that was refused makes its tick a failure."""
        await self._database.write(lambda connection: _settle(connection, settled))

    async def list_ticks(
        self,
        ref: InstigatorRef,
        *,
        limit: int,
        before: datetime | None = None,
        statuses: Sequence[TickStatus] = (),
    ) -> list[Tick]:
        """Return the ticks of an instigator, newest first, those before *before* only."""
        table = schema.ticks
        statement = select(table).where(_of(table, ref)).order_by(table.c.at.desc())
        if before is not None:
            statement = statement.where(table.c.at < before)
        if statuses:
            statement = statement.where(table.c.status.in_([s.value for s in statuses]))
        statement = statement.limit(min(max(limit, 0), MAX_LISTED))
        return await self._database.read(
            lambda connection: [rows.tick_from(r) for r in connection.execute(statement)]
        )

    async def unfinished_ticks(self) -> list[Tick]:
        """Return the ticks that are STARTED, oldest first: a controller may have died while it evaluated them."""
        table = schema.ticks
        statement = (
            select(table)
            .where(table.c.status == TickStatus.STARTED.value)
            .order_by(table.c.at)
            .limit(MAX_LISTED)
        )
        return await self._database.read(
            lambda connection: [rows.tick_from(r) for r in connection.execute(statement)]
        )


def _commit(connection: Connection, outcome: TickOutcome) -> list[RunRequest] | None:
    # Locked first: two controllers that commit at once must see each other's run keys and tick.
    state = _state(connection, outcome.ref, lock=True)
    table = schema.ticks
    identity = and_(_of(table, outcome.ref), table.c.at == outcome.at)
    stored = connection.execute(select(table.c.status).where(identity)).scalar_one_or_none()
    if stored is not None and stored != TickStatus.STARTED.value:
        return None
    requests = _new_requests(connection, outcome)
    values = rows.tick_values(outcome, [request.run_id for request in requests])
    if stored is None:
        connection.execute(insert(table).values(values))
    else:
        connection.execute(update(table).where(identity).values(values))
    if requests:
        connection.execute(
            insert(schema.run_requests), [rows.request_values(request) for request in requests]
        )
    _put_state(connection, _after(state, outcome, requests))
    return requests


def _after(
    state: InstigatorState, outcome: TickOutcome, requests: list[RunRequest]
) -> InstigatorState:
    has_failed = outcome.status is TickStatus.FAILURE
    position = max(filter(None, (state.position_at, outcome.at)))
    if outcome.ref.kind is Kind.SENSOR:
        position = outcome.started_at
    keys = [request.wish.run_key for request in requests if request.wish.run_key]
    return replace(
        state,
        position_at=position,
        cursor=state.cursor if outcome.cursor is None or has_failed else outcome.cursor,
        last_run_key=keys[-1] if keys else state.last_run_key,
        failures=state.failures + 1 if has_failed else 0,
    )


def _new_requests(connection: Connection, outcome: TickOutcome) -> list[RunRequest]:
    """Return the requests of a tick without those whose run key was used before, and note the keys of the others."""
    digests = {
        wish.run_key: rows.key_digest(wish.run_key) for wish in outcome.wishes if wish.run_key
    }
    used = _used_digests(connection, outcome.ref, list(digests.values()))
    requests: list[RunRequest] = []
    fresh: list[RowValues] = []
    for index, wish in enumerate(outcome.wishes):
        digest = digests[wish.run_key] if wish.run_key else None
        if digest is not None:
            if digest in used:
                continue
            used.add(digest)
            fresh.append({**rows.ref_values(outcome.ref), "digest": digest})
        requests.append(
            RunRequest(
                ref=outcome.ref,
                tick_at=outcome.at,
                index=index,
                run_id=tick_records.run_id_of(outcome.ref, outcome.at, index, outcome.ended_at),
                wish=wish,
            )
        )
    if fresh:
        connection.execute(insert(schema.run_keys), fresh)
    return requests


def _used_digests(connection: Connection, ref: InstigatorRef, digests: list[str]) -> set[str]:
    table, used = schema.run_keys, set[str]()
    for begin in range(0, len(digests), 500):
        statement = select(table.c.digest).where(
            _of(table, ref), table.c.digest.in_(digests[begin : begin + 500])
        )
        used.update(connection.execute(statement).scalars())
    return used


def _settle(connection: Connection, settled: Sequence[RunRequest]) -> None:
    table = schema.run_requests
    for request in settled:
        connection.execute(
            update(table)
            .where(table.c.run_id == request.run_id)
            .values(status=request.status.value, message=request.message)
        )
        if request.status is RequestStatus.REFUSED:
            ticks = schema.ticks
            connection.execute(
                update(ticks)
                .where(_of(ticks, request.ref), ticks.c.at == request.tick_at)
                .values(status=TickStatus.FAILURE.value, error=request.message)
            )


def _state(connection: Connection, ref: InstigatorRef, *, lock: bool = False) -> InstigatorState:
    table = schema.instigator_states
    if lock:
        _insert_if_absent(connection, table, rows.state_values(InstigatorState(ref=ref)))
    statement = select(table).where(_of(table, ref))
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return InstigatorState(ref=ref) if row is None else rows.state_from(row)


def _put_state(connection: Connection, state: InstigatorState) -> None:
    _upsert(connection, schema.instigator_states, rows.state_values(state))


def _of(table: Table, ref: InstigatorRef) -> ColumnElement[bool]:
    return and_(
        table.c.kind == ref.kind.value,
        table.c.namespace == ref.namespace,
        table.c.location == ref.location,
        table.c.name == ref.name,
    )


def _insert_if_absent(connection: Connection, table: Table, values: RowValues) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(values).on_conflict_do_nothing())


def _upsert(connection: Connection, table: Table, values: RowValues) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = [column.name for column in table.primary_key]
    others = {name: value for name, value in values.items() if name not in keys}
    made = dialect.insert(table).values(values)
    connection.execute(made.on_conflict_do_update(index_elements=keys, set_=others))
