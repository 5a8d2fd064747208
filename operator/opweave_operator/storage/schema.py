"""The tables: the one truth that the migrations must lead to.

Everything that belongs to a run is changed under the lock of its row in ``runs``, and each such change raises the run's
``revision``; the rows that changed carry it, so that a reader who knows an older revision loads only these.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    false,
)

from opweave_operator.storage.column_types import (
    CompressedJson,
    Json,
    Name,
    Setting,
    UtcTime,
    Words,
)

RUN_ID_LENGTH = 64
STEP_KEY_LENGTH = 512
NAME_LENGTH = 256
SELECTION_LENGTH = 4096
IMAGE_LENGTH = 1024
TAG_KEY_LENGTH = 256
TAG_LOOKUP_LENGTH = 256
MAX_TAG_VALUE_LENGTH = 10_000
MAX_TAGS = 1000

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("id", Name(RUN_ID_LENGTH), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("plan_revision", Integer, nullable=False),
    Column("namespace", Name(NAME_LENGTH), nullable=False),
    Column("location", Name(NAME_LENGTH), nullable=False),
    Column("job", Name(NAME_LENGTH), nullable=False),
    Column("status", Name(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("job_resource", Name(NAME_LENGTH)),
    Column("tags", Json, nullable=False),
    Column("priority", Setting, nullable=False),
    Column("definitions_hash", Name(NAME_LENGTH), nullable=False),
    Column("image", Name(IMAGE_LENGTH), nullable=False),
    Column("launched_by", Words, nullable=False),
    Column("parent_run_id", Name(RUN_ID_LENGTH)),
    Column("root_run_id", Name(RUN_ID_LENGTH)),
    Column("start_timeout_seconds", Setting),
    Column("run_timeout_seconds", Setting),
    Column("max_infrastructure_retries", Setting),
    Column("object_name", Name(NAME_LENGTH)),
    Column("queued_reason", Words, nullable=False),
    Column("dequeued_at", UtcTime),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("cancel_requested_at", UtcTime),
    Column("reason", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("next_event", Integer, nullable=False),
    Column("is_published", Boolean, nullable=False),
    Column("is_settled", Boolean, nullable=False),
    Index(None, "status", "id"),
    Index(None, "job", "id"),
    Index(None, "namespace", "location", "id"),
    Index(None, "job_resource", "id"),
    Index(None, "priority"),
    Index(None, "created_at"),
)
"""``is_settled``: finished, published and every worker released, so that the engine need not look at it again."""

Index(
    "ix_runs_unsettled",
    runs.c.id,
    sqlite_where=runs.c.is_settled == false(),
    postgresql_where=runs.c.is_settled == false(),
)

run_plans = Table(
    "run_plans",
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("plan", CompressedJson, nullable=False),
    Column("worker_template", CompressedJson, nullable=False),
)
"""What is large and seldom changes, so that lists of runs stay quick."""

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("key", Name(TAG_KEY_LENGTH), primary_key=True),
    Column("value", Name(TAG_LOOKUP_LENGTH), nullable=False),
    Index(None, "key", "value", "run_id"),
)
"""For filters only; ``value`` is a digest where the tag's own is too long for an index (`runs.tags` holds it whole)."""

steps = Table(
    "steps",
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("key", Name(STEP_KEY_LENGTH), primary_key=True),
    Column("index", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", Name(16), nullable=False),
    Column("reason", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("waiting_reason", Words, nullable=False),
    Column("waiting_message", Words, nullable=False),
    Column("retry_at", UtcTime),
    Column("ready_at", UtcTime),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", Name(RUN_ID_LENGTH), primary_key=True),
    Column("step_key", Name(STEP_KEY_LENGTH), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("status", Name(16), nullable=False),
    Column("worker_id", Name(NAME_LENGTH)),
    Column("worker_name", Name(NAME_LENGTH)),
    Column("ready_at", UtcTime),
    Column("slot_at", UtcTime),
    Column("created_at", UtcTime),
    Column("running_at", UtcTime),
    Column("user_code_at", UtcTime),
    Column("body_ended_at", UtcTime),
    Column("committed_at", UtcTime),
    Column("next_seq", Integer, nullable=False),
    Column("outcome", Json),
    Column("is_released", Boolean, nullable=False),
    Column("stop_requested_at", UtcTime),
    Column("token_digest", Name(NAME_LENGTH)),
    ForeignKeyConstraint(["run_id", "step_key"], [steps.c.run_id, steps.c.key], ondelete="CASCADE"),
)
"""``token_digest``: of the random token of a local worker; on the cluster the pod's own token is verified instead."""

events = Table(
    "events",
    metadata,
    Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("type", Name(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("message", Words, nullable=False),
    Column("step_key", Name(STEP_KEY_LENGTH)),
    Column("attempt", Integer),
    Column("seq", Integer),
    Column("payload", Json),
    UniqueConstraint("run_id", "step_key", "attempt", "seq"),
)
"""``payload`` is null when it is empty."""

ASSET_KEY_LENGTH = 512

asset_events = Table(
    "asset_events",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("key", Name(ASSET_KEY_LENGTH), nullable=False),
    Column("kind", Name(32), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("run_id", Name(RUN_ID_LENGTH)),
    Column("step_key", Name(STEP_KEY_LENGTH)),
    Column("output", Name(NAME_LENGTH)),
    Column("is_stored", Boolean, nullable=False),
    Column("description", Words),
    Column("metadata", Json),
    Column("tags", Json),
    Column("data_version", Words),
    Column("check_name", Name(NAME_LENGTH)),
    Column("passed", Boolean, nullable=False),
    Column("severity", Name(16)),
    Column("is_blocking", Boolean, nullable=False),
    Index(None, "key", "id"),
    Index(None, "run_id"),
    sqlite_autoincrement=True,
)
"""Histories of assets; they belong to no run, so that runs and their events may be removed without losing them."""

asset_latest = Table(
    "asset_latest",
    metadata,
    Column("key", Name(ASSET_KEY_LENGTH), primary_key=True),
    Column("kind", Name(32), primary_key=True),
    Column("check_name", Name(NAME_LENGTH), primary_key=True),
    Column("event_id", BigInteger, nullable=False),
)
"""The newest entry of each kind of an asset's history; ``check_name`` is empty but for verdicts."""

locations = Table(
    "locations",
    metadata,
    Column("namespace", Name(NAME_LENGTH), primary_key=True),
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("url", Words, nullable=False),
    Column("image", Name(IMAGE_LENGTH), nullable=False),
    Column("worker_template", Json, nullable=False),
    Column("snapshot", CompressedJson),
    Column("failure", Json),
    Column("loaded_at", UtcTime),
    Column("updated_at", UtcTime),
)

declared_jobs = Table(
    "declared_jobs",
    metadata,
    Column("namespace", Name(NAME_LENGTH), primary_key=True),
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("location", Name(NAME_LENGTH), nullable=False),
    Column("job", Name(NAME_LENGTH), nullable=False),
    Column("run_config", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("priority", Setting, nullable=False),
    Column("max_concurrent_runs", Setting),
    Column("start_timeout_seconds", Setting),
    Column("run_timeout_seconds", Setting),
    Column("max_retries", Setting),
    Column("step_overrides", Json, nullable=False),
    Column("assets", Name(SELECTION_LENGTH)),
)

instance_settings = Table(
    "instance_settings",
    metadata,
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("spec", Json, nullable=False),
)
"""One row, ``instance``: what stands in ``Instance.spec``."""

instance_leases = Table(
    "instance_leases",
    metadata,
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("holder", Name(NAME_LENGTH), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("renewed_at", UtcTime, nullable=False),
)
"""Who acts for the instance; ``epoch`` grows with each change of holder and fences the writes of an older one."""

instigator_declarations = Table(
    "instigator_declarations",
    metadata,
    Column("kind", Name(16), primary_key=True),
    Column("namespace", Name(NAME_LENGTH), primary_key=True),
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("spec", Json, nullable=False),
)
"""Schedule and Sensor manifests; ``spec`` holds the fields of `core.instigators.Declaration`."""

instigator_states = Table(
    "instigator_states",
    metadata,
    Column("kind", Name(16), primary_key=True),
    Column("namespace", Name(NAME_LENGTH), primary_key=True),
    Column("location", Name(NAME_LENGTH), primary_key=True),
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("toggle", Name(16)),
    Column("position_at", UtcTime),
    Column("running_since", UtcTime),
    Column("timing", Words, nullable=False),
    Column("cursor", Json),
    Column("last_run_key", Json),
    Column("failures", Integer, nullable=False),
)

ticks = Table(
    "ticks",
    metadata,
    Column("kind", Name(16), primary_key=True),
    Column("namespace", Name(NAME_LENGTH), primary_key=True),
    Column("location", Name(NAME_LENGTH), primary_key=True),
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("status", Name(16), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("skip_reason", Words, nullable=False),
    Column("error", Words, nullable=False),
    Column("traceback", Words, nullable=False),
    Column("logs", Json, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("run_ids", Json, nullable=False),
    Index(None, "at"),
)
"""The primary key is the identity of a tick: it is committed once."""

run_requests = Table(
    "run_requests",
    metadata,
    Column("run_id", Name(RUN_ID_LENGTH), primary_key=True),
    Column("kind", Name(16), nullable=False),
    Column("namespace", Name(NAME_LENGTH), nullable=False),
    Column("location", Name(NAME_LENGTH), nullable=False),
    Column("name", Name(NAME_LENGTH), nullable=False),
    Column("tick_at", UtcTime, nullable=False),
    Column("index", Integer, nullable=False),
    Column("wish", Json, nullable=False),
    Column("status", Name(16), nullable=False),
    Column("message", Words, nullable=False),
    UniqueConstraint("kind", "namespace", "location", "name", "tick_at", "index"),
)
"""Runs that ticks have requested: committed with the tick, turned into runs by the launcher."""

Index(
    "ix_run_requests_pending",
    run_requests.c.run_id,
    sqlite_where=run_requests.c.status == "PENDING",
    postgresql_where=run_requests.c.status == "PENDING",
)

run_keys = Table(
    "run_keys",
    metadata,
    Column("kind", Name(16), primary_key=True),
    Column("namespace", Name(NAME_LENGTH), primary_key=True),
    Column("location", Name(NAME_LENGTH), primary_key=True),
    Column("name", Name(NAME_LENGTH), primary_key=True),
    Column("digest", Name(64), primary_key=True),
)
"""Digests of the run keys that an instigator has used: each launches one run, for ever."""
