"""The store of events and the reports of attempts, for both databases. Ingest calls it for every request of a step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, bindparam, func, select, update

from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.storage import asset_rows, event_rows, reports, run_record, run_rows, schema
from opweave_operator.storage.database import Database
from opweave_operator.storage.run_cache import CachedRun, RunCache
from opweave_operator.storage.wakeups import RunWakeUps

T = TypeVar("T")

MAX_PAGE = 10_000
"""The most events that one call of `SqlEventStore.events` returns."""

_Change = Callable[[CachedRun], tuple[model.RunState, list[run_rows.RowValues], T]]
"""From a run to its next state, the rows of new events, and the answer."""


class SqlEventStore:
    """The log of runs; fulfils `ports.EventStore`.

    Args:
        cache: Shared with the run store of the same process.
    """

    def __init__(self, database: Database, cache: RunCache, wakeups: RunWakeUps) -> None:
        self._database = database
        self._cache = cache
        self._wakeups = wakeups

    async def find_attempt(self, ref: ports.AttemptRef) -> ports.AttemptRecord | None:
        """Return the attempt, or None."""
        parameters = _named(ref)

        def find(connection: Connection) -> ports.AttemptRecord | None:
            row = connection.execute(_ATTEMPT, parameters).one_or_none()
            if row is None:
                return None
            return ports.AttemptRecord(
                ref=ref,
                attempt=run_rows.attempt_from(row),
                is_newest=row.newest == ref.number,
                run_status=model.RunStatus(row.run_status),
                namespace=row.namespace,
                token_digest=row.token_digest,
            )

        return await self._database.read(find)

    async def start_attempt(
        self, ref: ports.AttemptRef, *, worker_id: str, worker_name: str, at: datetime
    ) -> model.RunState:
        """Mark the attempt RUNNING by *worker_id*, once; return the run."""

        def start(
            loaded: CachedRun,
        ) -> tuple[model.RunState, list[run_rows.RowValues], None]:
            state = reports.start(
                loaded.state, ref, worker_id=worker_id, worker_name=worker_name, at=at
            )
            return state, [], None

        stored, _ = await self._change(ref, start)
        return stored.state

    async def append(
        self,
        ref: ports.AttemptRef,
        events: Sequence[wire_attempt.Event],
        *,
        outcome: model.Outcome | None,
        moments: model.Moments,
        now: datetime,
    ) -> int:
        """Store reported events and the outcome, durable when this returns; return the next expected number."""
        report = reports.Report(ref=ref, events=events, outcome=outcome, moments=moments, now=now)

        def accept(loaded: CachedRun) -> tuple[model.RunState, list[run_rows.RowValues], int]:
            accepted = reports.accept(loaded.state, report)
            first = loaded.state.run.next_event
            rows = [
                event_rows.reported_event_values(ref, number, event, now)
                for number, event in enumerate(accepted.events, start=first)
            ]
            return accepted.state, rows, accepted.next_seq

        _, next_seq = await self._change(ref, accept)
        return next_seq

    async def _change(self, ref: ports.AttemptRef, change: _Change[T]) -> tuple[CachedRun, T]:
        """Apply *change* to the run of *ref* under its lock and store the difference."""

        def apply(connection: Connection) -> tuple[CachedRun, T, bool]:
            loaded = run_record.load(connection, ref.run_id, self._cache, lock=True)
            if loaded is None:
                raise ports.AttemptClosed(f"run {ref.run_id} does not exist")
            state, rows, answer = change(loaded)
            stored = run_record.store(connection, loaded, state, rows)
            asset_rows.record_rows(connection, rows)
            has_changed = stored is not loaded
            if has_changed:
                self._wakeups.announce(connection, ref.run_id)
            return stored, answer, has_changed

        stored, answer, has_changed = await self._database.write(apply)
        if has_changed:
            self._cache.put(stored)
            self._wakeups.spread(ref.run_id)
        return stored, answer

    async def set_token_digest(self, ref: ports.AttemptRef, digest: str) -> None:
        """Remember the digest of the token by which the attempt's local worker will be known.

        Raises:
            AttemptClosed: There is no such attempt.
        """
        parameters = _named(ref) | {"digest": digest}
        count = await self._database.write(
            lambda connection: connection.execute(_SET_TOKEN_DIGEST, parameters).rowcount
        )
        if count == 0:
            raise ports.AttemptClosed(
                f"attempt {ref.number} of step {ref.step_key} of run {ref.run_id} does not exist"
            )

    async def events(
        self,
        run_id: model.RunId,
        *,
        after: int = -1,
        limit: int = 1000,
        step_key: model.StepKey | None = None,
        types: Collection[wire_attempt.EventType] = (),
    ) -> list[model.StoredEvent]:
        """Return events numbered above *after*, in order."""
        columns = schema.events.c
        statement = select(*event_rows.EVENT_COLUMNS).where(
            columns.run_id == run_id, columns.number > after
        )
        if step_key is not None:
            statement = statement.where(columns.step_key == step_key)
        if types:
            statement = statement.where(columns.type.in_(sorted(kind.value for kind in types)))
        statement = statement.order_by(columns.number).limit(min(max(limit, 0), MAX_PAGE))
        return await self._database.read(
            lambda connection: [event_rows.event_from(row) for row in connection.execute(statement)]
        )


_attempts = schema.attempts
_siblings = schema.attempts.alias("siblings")
_is_attempt = (
    _attempts.c.run_id == bindparam("of_run"),
    _attempts.c.step_key == bindparam("of_step"),
    _attempts.c.number == bindparam("of_attempt"),
)


def _named(ref: ports.AttemptRef) -> dict[str, str | int]:
    """Return the parameters of `_is_attempt`."""
    return {"of_run": ref.run_id, "of_step": ref.step_key, "of_attempt": ref.number}


_ATTEMPT = (
    select(
        *run_rows.ATTEMPT_COLUMNS,
        _attempts.c.token_digest,
        schema.runs.c.status.label("run_status"),
        schema.runs.c.namespace,
        select(func.max(_siblings.c.number))
        .where(
            _siblings.c.run_id == _attempts.c.run_id, _siblings.c.step_key == _attempts.c.step_key
        )
        .scalar_subquery()
        .label("newest"),
    )
    .join_from(_attempts, schema.runs, schema.runs.c.id == _attempts.c.run_id)
    .where(*_is_attempt)
)

_SET_TOKEN_DIGEST = update(_attempts).where(*_is_attempt).values(token_digest=bindparam("digest"))
