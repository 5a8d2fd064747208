"""What an evaluation of a schedule or sensor leaves: its tick, the runs that it requests, what it logged. Pure values."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opweave_operator.core import ids, model
from opweave_operator.core.instigators import InstigatorRef


class TickStatus(enum.StrEnum):
    """How a tick stands."""

    STARTED = "STARTED"
    SKIPPED = "SKIPPED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TickLog:
    """One line that the user's code logged in a tick."""

    at: str
    level: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """A run that a tick requests.

    Attributes:
        job: Name in the code; None means the instigator's only one.
        job_resource: Name of the ``Job`` object, in place of *job*.
        run_config: None means the job's own.
    """

    job: str | None = None
    job_resource: str | None = None
    run_key: str | None = None
    run_config: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class RequestStatus(enum.StrEnum):
    """What became of a requested run."""

    PENDING = "PENDING"
    LAUNCHED = "LAUNCHED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A requested run that was committed with its tick; *run_id* derives from the tick, so that launching twice makes one run."""

    ref: InstigatorRef
    tick_at: datetime
    index: int
    run_id: model.RunId
    wish: RunWish
    status: RequestStatus = RequestStatus.PENDING
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One evaluation.

    Attributes:
        at: Of a schedule, the time for which it was due; of a sensor, when it began.
        runs: How many runs were requested, those with a run key that was used before left out.
        run_ids: Of the first of them.
    """

    ref: InstigatorRef
    at: datetime
    status: TickStatus
    started_at: datetime
    ended_at: datetime | None = None
    skip_reason: str = ""
    error: str = ""
    traceback: str = ""
    logs: tuple[TickLog, ...] = ()
    runs: int = 0
    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TickOutcome:
    """How an evaluation ended, to be committed with all that follows from it.

    Attributes:
        cursor: The sensor's new cursor; None leaves it.
        timing: Of the definition by which it was due.
    """

    ref: InstigatorRef
    at: datetime
    status: TickStatus
    started_at: datetime
    ended_at: datetime
    skip_reason: str = ""
    error: str = ""
    traceback: str = ""
    logs: tuple[TickLog, ...] = ()
    wishes: tuple[RunWish, ...] = ()
    cursor: str | None = None


def run_id_of(ref: InstigatorRef, tick_at: datetime, index: int, now: datetime) -> model.RunId:
    """Return the id of the run that a tick requests as its *index*-th, first committed at *now*."""
    identity = (
        f"{ref.kind}\n{ref.namespace}\n{ref.location}\n{ref.name}\n{tick_at.isoformat()}\n{index}"
    )
    return ids.new_run_id(now, hashlib.sha256(identity.encode()).digest()[:10])


def with_tick_tags(ref: InstigatorRef, tick_at: datetime, wish: RunWish) -> dict[str, str]:
    """Return the tags of a requested run: its own, and who asked for it."""
    own = (
        {"opweave/schedule_name": ref.name}
        if ref.kind == "SCHEDULE"
        else {"opweave/sensor_name": ref.name}
    )
    if ref.kind == "SCHEDULE":
        own["opweave/scheduled_execution_time"] = tick_at.isoformat()
    if wish.run_key:
        own["opweave/run_key"] = wish.run_key[:1024]
    return {**wish.tags, **own}
