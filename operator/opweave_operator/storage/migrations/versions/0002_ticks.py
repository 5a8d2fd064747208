"""Make the tables of schedules and sensors: declarations, states, ticks, requested runs, run keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

UTC_TIME = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "instigator_declarations",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("namespace", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "namespace", "name", name="pk_instigator_declarations"),
    )
    op.create_table(
        "instigator_states",
        *_instigator(),
        sa.Column("toggle", sa.String(16)),
        sa.Column("position_at", UTC_TIME),
        sa.Column("running_since", UTC_TIME),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("last_run_key", sa.Text()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "kind", "namespace", "location", "name", name="pk_instigator_states"
        ),
    )
    _make_ticks()


def _make_ticks() -> None:
    op.create_table(
        "ticks",
        *_instigator(),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("ended_at", UTC_TIME),
        sa.Column("skip_reason", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=False),
        sa.Column("logs", sa.Text(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("run_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "namespace", "location", "name", "at", name="pk_ticks"),
    )
    op.create_index("ix_ticks_at", "ticks", ["at"])
    op.create_table(
        "run_requests",
        sa.Column("run_id", sa.String(64), nullable=False),
        *_instigator(),
        sa.Column("tick_at", UTC_TIME, nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_requests"),
        sa.UniqueConstraint(
            "kind",
            "namespace",
            "location",
            "name",
            "tick_at",
            "index",
            name="uq_run_requests_kind_namespace_location_name_tick_at_index",
        ),
    )
    op.create_index(
        "ix_run_requests_pending",
        "run_requests",
        ["run_id"],
        sqlite_where=sa.text("status = 'PENDING'"),
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_table(
        "run_keys",
        *_instigator(),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint(
            "kind", "namespace", "location", "name", "digest", name="pk_run_keys"
        ),
    )


def _instigator() -> list[sa.Column[str]]:
    return [
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("namespace", sa.String(256), nullable=False),
        sa.Column("location", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
    ]
