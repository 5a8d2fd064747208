"""Alembic's entry point: migrates the connection that `migrating` hands over, in the transaction that is open on it."""

from __future__ import annotations

from alembic import context

from opweave_operator.storage import migrating, schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=migrating.VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
