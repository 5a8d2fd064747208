"""Make the tables of assets: histories, and the newest entry of each kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

UTC_TIME = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "asset_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("step_key", sa.String(512)),
        sa.Column("output", sa.String(256)),
        sa.Column("is_stored", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("metadata", sa.Text()),
        sa.Column("tags", sa.Text()),
        sa.Column("data_version", sa.Text()),
        sa.Column("check_name", sa.String(256)),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.String(16)),
        sa.Column("is_blocking", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asset_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_asset_events_key_id", "asset_events", ["key", "id"])
    op.create_index("ix_asset_events_run_id", "asset_events", ["run_id"])
    op.create_table(
        "asset_latest",
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("check_name", sa.String(256), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "kind", "check_name", name="pk_asset_latest"),
    )
