"""Make the first tables.

The columns stand here with plain types, not with those of `column_types`, which may change without changing this.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

UTC_TIME = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """Apply."""
    _make_catalog()
    _make_runs()
    _make_run_parts()
    _make_steps()


def _make_catalog() -> None:
    op.create_table(
        "declared_jobs",
        sa.Column("namespace", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("location", sa.String(256), nullable=False),
        sa.Column("job", sa.String(256), nullable=False),
        sa.Column("run_config", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("max_concurrent_runs", sa.Integer()),
        sa.Column("start_timeout_seconds", sa.Integer()),
        sa.Column("run_timeout_seconds", sa.Integer()),
        sa.Column("max_retries", sa.Integer()),
        sa.Column("step_overrides", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name="pk_declared_jobs"),
    )
    op.create_table(
        "instance_leases",
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("holder", sa.String(256), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("renewed_at", UTC_TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_instance_leases"),
    )
    op.create_table(
        "instance_settings",
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_instance_settings"),
    )
    op.create_table(
        "locations",
        sa.Column("namespace", sa.String(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("image", sa.String(1024), nullable=False),
        sa.Column("worker_template", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.LargeBinary()),
        sa.Column("failure", sa.Text()),
        sa.Column("loaded_at", UTC_TIME),
        sa.Column("updated_at", UTC_TIME),
        sa.PrimaryKeyConstraint("namespace", "name", name="pk_locations"),
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("plan_revision", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(256), nullable=False),
        sa.Column("location", sa.String(256), nullable=False),
        sa.Column("job", sa.String(256), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("job_resource", sa.String(256)),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("definitions_hash", sa.String(256), nullable=False),
        sa.Column("image", sa.String(1024), nullable=False),
        sa.Column("launched_by", sa.Text(), nullable=False),
        sa.Column("parent_run_id", sa.String(64)),
        sa.Column("root_run_id", sa.String(64)),
        sa.Column("start_timeout_seconds", sa.Integer()),
        sa.Column("run_timeout_seconds", sa.Integer()),
        sa.Column("max_infrastructure_retries", sa.Integer()),
        sa.Column("object_name", sa.String(256)),
        sa.Column("queued_reason", sa.Text(), nullable=False),
        sa.Column("dequeued_at", UTC_TIME),
        sa.Column("started_at", UTC_TIME),
        sa.Column("ended_at", UTC_TIME),
        sa.Column("cancel_requested_at", UTC_TIME),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("next_event", sa.Integer(), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_created_at", "runs", ["created_at"])
    op.create_index("ix_runs_job_id", "runs", ["job", "id"])
    op.create_index("ix_runs_job_resource_id", "runs", ["job_resource", "id"])
    op.create_index("ix_runs_namespace_location_id", "runs", ["namespace", "location", "id"])
    op.create_index("ix_runs_priority", "runs", ["priority"])
    op.create_index("ix_runs_status_id", "runs", ["status", "id"])
    op.create_index(
        "ix_runs_unsettled",
        "runs",
        ["id"],
        sqlite_where=sa.text("is_settled = 0"),
        postgresql_where=sa.text("is_settled = false"),
    )


def _make_run_parts() -> None:
    op.create_table(
        "run_plans",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.Column("worker_template", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_run_plans_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_plans"),
    )
    op.create_table(
        "run_tags",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_run_tags_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_run_tags"),
    )
    op.create_index("ix_run_tags_key_value_run_id", "run_tags", ["key", "value", "run_id"])
    op.create_table(
        "events",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("step_key", sa.String(512)),
        sa.Column("attempt", sa.Integer()),
        sa.Column("seq", sa.Integer()),
        sa.Column("payload", sa.Text()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_events_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_events"),
        sa.UniqueConstraint(
            "run_id", "step_key", "attempt", "seq", name="uq_events_run_id_step_key_attempt_seq"
        ),
    )


def _make_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("waiting_reason", sa.Text(), nullable=False),
        sa.Column("waiting_message", sa.Text(), nullable=False),
        sa.Column("retry_at", UTC_TIME),
        sa.Column("ready_at", UTC_TIME),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_steps_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_steps"),
    )
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("step_key", sa.String(512), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("worker_id", sa.String(256)),
        sa.Column("worker_name", sa.String(256)),
        sa.Column("ready_at", UTC_TIME),
        sa.Column("slot_at", UTC_TIME),
        sa.Column("created_at", UTC_TIME),
        sa.Column("running_at", UTC_TIME),
        sa.Column("user_code_at", UTC_TIME),
        sa.Column("body_ended_at", UTC_TIME),
        sa.Column("committed_at", UTC_TIME),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("is_released", sa.Boolean(), nullable=False),
        sa.Column("stop_requested_at", UTC_TIME),
        sa.Column("token_digest", sa.String(256)),
        sa.ForeignKeyConstraint(
            ["run_id", "step_key"],
            ["steps.run_id", "steps.key"],
            name="fk_attempts_steps",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "step_key", "number", name="pk_attempts"),
    )
