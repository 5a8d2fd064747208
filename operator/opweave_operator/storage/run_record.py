"""Load a run with its steps, and store what differs from what was loaded. Functions on a connection, for the stores.

Whoever stores has loaded with ``lock=True`` in the same transaction: the lock of the run's row orders all changes of the
run, so that revisions and event numbers have no gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Table, Update, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from opweave.wire import codec
from opweave.wire import plan as wire_plan
from opweave_operator import errors
from opweave_operator.core import model
from opweave_operator.storage import event_rows, run_rows, schema
from opweave_operator.storage.run_cache import CachedRun, RunCache

_RUN_BY_ID = select(schema.runs).where(schema.runs.c.id == bindparam("run_id"))
_LOCKED_RUN_BY_ID = _RUN_BY_ID.with_for_update()
_PLAN_BY_ID = select(schema.run_plans.c.plan, schema.run_plans.c.worker_template).where(
    schema.run_plans.c.run_id == bindparam("run_id")
)
_CHANGED_STEPS = (
    select(*run_rows.STEP_COLUMNS)
    .where(
        schema.steps.c.run_id == bindparam("run_id"),
        schema.steps.c.revision > bindparam("revision"),
    )
    .order_by(schema.steps.c.index)
)
_CHANGED_ATTEMPTS = select(*run_rows.ATTEMPT_COLUMNS).where(
    schema.attempts.c.run_id == bindparam("run_id"),
    schema.attempts.c.revision > bindparam("revision"),
)
_NOTHING_KNOWN = -1


def load(
    connection: Connection, run_id: model.RunId, cache: RunCache, *, lock: bool = False
) -> CachedRun | None:
    """Return the run as *connection* sees it, or None; what has not changed since is taken from *cache*.

    The row is locked before anything else is read: on PostgreSQL a statement that waits for a lock would return what it
    saw before the wait in every table but the locked one. With *lock* nobody else changes the run until the transaction
    ends.
    """
    generation = cache.current_generation()
    cached = cache.get(run_id)
    statement = _LOCKED_RUN_BY_ID if lock else _RUN_BY_ID
    row = connection.execute(statement, {"run_id": run_id}).one_or_none()
    if row is None:
        return None
    if cached is not None and cached.revision > row.revision:
        cached = None
    if cached is not None and cached.revision == row.revision:
        return cached
    run = _load_run(connection, row, cached)
    steps = dict(cached.state.steps) if cached else {}
    known = {"run_id": run_id, "revision": cached.revision if cached else _NOTHING_KNOWN}
    steps = run_rows.merge_steps(
        steps,
        connection.execute(_CHANGED_STEPS, known),
        connection.execute(_CHANGED_ATTEMPTS, known),
    )
    return CachedRun(
        generation=generation,
        revision=row.revision,
        plan_revision=row.plan_revision,
        state=model.RunState(run=run, steps=steps),
    )


def _load_run(
    connection: Connection, row: run_rows.RowTuple, cached: CachedRun | None
) -> model.Run:
    if cached is not None and cached.plan_revision == row.plan_revision:
        known = cached.state.run
        return run_rows.run_from(row, known.plan, known.worker_template)
    plan, worker_template = connection.execute(_PLAN_BY_ID, {"run_id": row.id}).one()
    return run_rows.run_from(row, codec.decode(wire_plan.RunPlan, plan), worker_template)


def insert_run(
    connection: Connection,
    state: model.RunState,
    first_events: Sequence[run_rows.RowValues],
    cache: RunCache,
) -> CachedRun | None:
    """Store a new run with its first events; return it, or None when its id is taken already."""
    run = state.run
    values = run_rows.run_values(run, is_settled=False) | {"revision": 0, "plan_revision": 0}
    if not _insert_unless_taken(connection, values):
        return None
    connection.execute(insert(schema.run_plans), run_rows.plan_values(run))
    _insert_rows(connection, schema.run_tags, run_rows.tag_rows(run))
    rows = [run_rows.step_values(run.id, step, 0) for step in state.steps.values()]
    _insert_rows(connection, schema.steps, rows)
    event_rows.insert(connection, first_events)
    return CachedRun(
        generation=cache.current_generation(), revision=0, plan_revision=0, state=state
    )


def _insert_unless_taken(connection: Connection, values: run_rows.RowValues) -> bool:
    """Insert the run's row; on PostgreSQL this waits for another transaction that inserts the same id."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(schema.runs).values(values).on_conflict_do_nothing()
    return connection.execute(statement.returning(schema.runs.c.id)).one_or_none() is not None


def store(
    connection: Connection,
    loaded: CachedRun,
    state: model.RunState,
    new_events: Sequence[run_rows.RowValues] = (),
) -> CachedRun:
    """Store the difference between what was *loaded* and *state*, and insert the rows *new_events*; return what is stored.

    Returns *loaded* itself, having written nothing, when there is no difference and no event.
    """
    run_id = loaded.state.run.id
    if state.run.id != run_id:
        raise errors.StorageRefused(
            f"run {run_id} cannot become run {state.run.id}: ids never change"
        )
    next_event = loaded.state.run.next_event + len(new_events)
    if state.run.next_event != next_event:
        state = replace(state, run=replace(state.run, next_event=next_event))
    revision = loaded.revision + 1
    changed = _store_steps(connection, loaded.state, state, revision)
    if not changed and not new_events and state.run == loaded.state.run:
        return loaded
    plan_revision = _store_plan(connection, loaded, state.run)
    if state.run.tags != loaded.state.run.tags:
        connection.execute(delete(schema.run_tags).where(schema.run_tags.c.run_id == run_id))
        _insert_rows(connection, schema.run_tags, run_rows.tag_rows(state.run))
    values = run_rows.run_values(state.run, is_settled=run_rows.is_settled(state))
    values |= {"revision": revision, "plan_revision": plan_revision}
    connection.execute(_UPDATE_RUN, _for_update(values, ("id",)))
    event_rows.insert(connection, new_events)
    return replace(loaded, revision=revision, plan_revision=plan_revision, state=state)


def _store_steps(
    connection: Connection, old: model.RunState, new: model.RunState, revision: int
) -> bool:
    """Store the steps and attempts that differ; return whether any does."""
    run_id = old.run.id
    new_steps: list[run_rows.RowValues] = []
    changed_steps: list[run_rows.RowValues] = []
    new_attempts: list[run_rows.RowValues] = []
    changed_attempts: list[run_rows.RowValues] = []
    for key, step in new.steps.items():
        known = old.steps.get(key)
        if step is known:
            continue
        values = run_rows.step_values(run_id, step, revision)
        if known is None:
            new_steps.append(values)
        elif values != run_rows.step_values(run_id, known, revision):
            changed_steps.append(_for_update(values, ("run_id", "key")))
        known_attempts = {a.number: a for a in known.attempts} if known else {}
        for attempt in step.attempts:
            known_attempt = known_attempts.get(attempt.number)
            if attempt == known_attempt:
                continue
            values = run_rows.attempt_values(run_id, key, attempt, revision)
            if known_attempt is None:
                new_attempts.append(values)
            else:
                changed_attempts.append(_for_update(values, ("run_id", "step_key", "number")))
    _insert_rows(connection, schema.steps, new_steps)
    _insert_rows(connection, schema.attempts, new_attempts)
    if changed_steps:
        connection.execute(_UPDATE_STEP, changed_steps)
    if changed_attempts:
        connection.execute(_UPDATE_ATTEMPT, changed_attempts)
    return bool(new_steps or changed_steps or new_attempts or changed_attempts)


def _store_plan(connection: Connection, loaded: CachedRun, run: model.Run) -> int:
    """Replace the plan if it differs; return the plan's revision."""
    known = loaded.state.run
    is_known = run.plan is known.plan or run.plan == known.plan
    if is_known and (
        run.worker_template is known.worker_template or run.worker_template == known.worker_template
    ):
        return loaded.plan_revision
    connection.execute(_UPDATE_PLAN, _for_update(run_rows.plan_values(run), ("run_id",)))
    return loaded.plan_revision + 1


def _insert_rows(connection: Connection, table: Table, rows: Sequence[run_rows.RowValues]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _update_by(table: Table, keys: tuple[str, ...], unset: tuple[str, ...] = ()) -> Update:
    """Return an UPDATE of all columns but *unset* by primary key, whose parameters `_for_update` names."""
    columns = [c.name for c in table.columns if c.name not in keys and c.name not in unset]
    return (
        update(table)
        .where(*(table.c[key] == bindparam(f"where_{key}") for key in keys))
        .values({name: bindparam(name) for name in columns})
    )


def _for_update(values: run_rows.RowValues, keys: tuple[str, ...]) -> run_rows.RowValues:
    return {f"where_{name}" if name in keys else name: value for name, value in values.items()}


_UPDATE_RUN = _update_by(schema.runs, ("id",))
_UPDATE_PLAN = _update_by(schema.run_plans, ("run_id",))
_UPDATE_STEP = _update_by(schema.steps, ("run_id", "key"))
_UPDATE_ATTEMPT = _update_by(schema.attempts, ("run_id", "step_key", "number"), ("token_digest",))
