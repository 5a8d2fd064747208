"""Values that the whole operator speaks of: runs, steps, attempts, workers and events.

Everything is immutable; a change is a `dataclasses.replace`. Times are aware UTC datetimes.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NewType

from opweave.wire import attempt as wire_attempt
from opweave.wire import plan as wire_plan

ASSET_JOB = "__ASSET_JOB"
"""The job of all assets of a location, whose runs make any selection of them."""
ARTIFACTS_KEY = "artifacts"
"""In a run's worker template: where its steps keep their values, pinned when the run is launched, so that all of them agree."""
JOB_STEPS_KEY = "jobSteps"
"""Under which `Run.worker_template` carries the pod shape that the declared job asks for (``Job.spec.steps``)."""

RunId = NewType("RunId", str)
StepKey = NewType("StepKey", str)


class RunStatus(enum.StrEnum):
    """The life of a run; `run_state.TRANSITIONS` says what may follow what."""

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    CANCELING = "CANCELING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELED = "CANCELED"


class StepStatus(enum.StrEnum):
    """The life of a step; `step_state.TRANSITIONS` says what may follow what."""

    WAITING = "WAITING"
    """An upstream step has not ended yet."""
    STARTING = "STARTING"
    """An attempt exists whose process has not reported yet."""
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    SKIPPED = "SKIPPED"
    """Never had a process: an upstream failed, was skipped or yielded no output; the reason says which."""
    CANCELED = "CANCELED"


class AttemptStatus(enum.StrEnum):
    """The life of one attempt of a step."""

    REQUESTED = "REQUESTED"
    """Recorded; its worker may or may not exist yet."""
    CREATED = "CREATED"
    """Its worker has been seen."""
    RUNNING = "RUNNING"
    """Its process has reported."""
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    LOST = "LOST"
    """Ended by the infrastructure; another attempt may follow."""
    CANCELED = "CANCELED"


class OutcomeSource(enum.StrEnum):
    """Which of the three ways told the outcome of an attempt first."""

    INGEST = "INGEST"
    TERMINATION_MESSAGE = "TERMINATION_MESSAGE"
    WORKER_STATE = "WORKER_STATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        status: SUCCESS, FAILURE, LOST or CANCELED.
        reason: CamelCase, empty for a success: ``UserCodeError``, ``OOMKilled``, ``Evicted``, ``WorkerGone``...
        outputs: What it stored.
        at: When it was learnt.
    """

    status: AttemptStatus
    source: OutcomeSource
    at: datetime
    reason: str = ""
    message: str = ""
    error: wire_attempt.ErrorInfo | None = None
    exit_code: int | None = None
    outputs: tuple[wire_attempt.ProducedOutput, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The seven moments of an attempt; the difference of neighbours is a phase that people can see.

    *ready*: all upstreams had ended. *slot*: limits let it start. *created*: its worker was created. *running*: its
    process ran. *user_code*: the op's body began. *body_ended*: the body returned. *committed*: its outputs were stored
    and the outcome recorded.
    """

    ready_at: datetime | None = None
    slot_at: datetime | None = None
    created_at: datetime | None = None
    running_at: datetime | None = None
    user_code_at: datetime | None = None
    body_ended_at: datetime | None = None
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to run a step in one worker.

    Attributes:
        number: From 1; only the newest attempt of a step may write.
        worker_id: What the executor calls its worker for good (a pod's uid); a token must belong to it.
        worker_name: For people: the pod's name or the process id.
        next_seq: Number of the next event that ingest expects.
        is_released: The executor has been told that the outcome is recorded.
        stop_requested_at: When its worker was first told to stop.
    """

    number: int
    status: AttemptStatus = AttemptStatus.REQUESTED
    worker_id: str | None = None
    worker_name: str | None = None
    moments: Moments = field(default_factory=Moments)
    next_seq: int = 0
    outcome: Outcome | None = None
    is_released: bool = False
    stop_requested_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still to come."""
        return self.outcome is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a run.

    Attributes:
        index: Place in the plan, from 0; a worker carries it as its completion index.
        reason: CamelCase, why it is skipped, failed or cancelled.
        waiting_reason: Why it does not run although it could (``Unschedulable``, ``ImagePullFailed``, ``QuotaExceeded``...).
        retry_at: Not before this moment may its next attempt start.
    """

    key: StepKey
    index: int
    status: StepStatus = StepStatus.WAITING
    reason: str = ""
    message: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    retry_at: datetime | None = None
    ready_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def newest(self) -> Attempt | None:
        """Its newest attempt, if it has had any."""
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRef:
    """A code location: its namespace (``local`` without a cluster) and its name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Limits of one run, in seconds; None means the instance's."""

    start_seconds: int | None = None
    run_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A requested run.

    Attributes:
        job: Name of the job in the code.
        job_resource: Name of the Job object that launched it, if one did.
        worker_template: How the executor starts steps of this run, pinned when it was launched: for pods the image, its
            digest, service account and base step pod; locally the interpreter and the code's place. Its shape is the adapter's.
        launched_by: ``cli``, ``graphql``, ``annotation``..., and who, as far as it is known.
        object_name: What the executor calls the run for people (the name of its ``batch/v1`` Job).
        next_event: Number of the next event of its log, from 0, gapless.
        is_published: The executor has shown the final state.
    """

    id: RunId
    location: LocationRef
    job: str
    status: RunStatus
    plan: wire_plan.RunPlan
    created_at: datetime
    job_resource: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    worker_template: Mapping[str, Any] = field(default_factory=dict)
    definitions_hash: str = ""
    image: str = ""
    launched_by: str = ""
    parent_run_id: RunId | None = None
    root_run_id: RunId | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_infrastructure_retries: int | None = None
    object_name: str | None = None
    queued_reason: str = ""
    dequeued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    reason: str = ""
    message: str = ""
    next_event: int = 0
    is_published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A run with all its steps: what `decide.decide` looks at."""

    run: Run
    steps: Mapping[StepKey, Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that the operator itself writes into a run's log; it gets its number when it is committed."""

    type: wire_attempt.EventType
    at: datetime
    message: str = ""
    step_key: StepKey | None = None
    attempt: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event of a run's log with its number."""

    run_id: RunId
    number: int
    type: wire_attempt.EventType
    at: datetime
    message: str = ""
    step_key: StepKey | None = None
    attempt: int | None = None
    seq: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


class WorkerPhase(enum.StrEnum):
    """What the executor sees of a worker."""

    ABSENT = "ABSENT"
    """It does not exist; the executor has made sure of it."""
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    """It has ended and will not run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker (a pod, a process) as the executor sees it.

    Attributes:
        worker_id: None while the executor has only taken note of it, in memory.
        reason: CamelCase. While PENDING, why it does not start; when ENDED, how it ended: ``Completed``, ``Error``,
            ``OOMKilled``, ``Evicted``, ``Preempted``, ``NodeLost``, ``Deleted``, ``Stopped``...
        exit_code: Of the main process, when it ended by itself.
        termination_message: What the step left behind, unparsed.
        is_infrastructure: When ENDED: the infrastructure ended it, not the process itself.
        is_held: The executor keeps its traces until it is released.
    """

    step_key: StepKey
    attempt: int
    phase: WorkerPhase
    worker_id: str | None = None
    name: str | None = None
    created_at: datetime | None = None
    running_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    termination_message: str = ""
    is_infrastructure: bool = False
    is_stopping: bool = False
    is_held: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the executor sees of a run.

    Attributes:
        workers: By step key and attempt; an attempt that is not in it has not been looked for.
        is_object_gone: The run's object existed and somebody deleted it.
        object_name: Of the run's object, when it is known to have been made.
    """

    workers: Mapping[tuple[StepKey, int], Worker] = field(default_factory=dict)
    is_object_gone: bool = False
    object_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePolicy:
    """The instance's settings that the run engine obeys; seconds unless named otherwise."""

    max_infrastructure_retries: int = 3
    infrastructure_retry_delay_seconds: float = 1.0
    start_timeout_seconds: int = 1200
    cancel_timeout_seconds: int = 60
    max_runtime_seconds: int | None = None
    max_concurrent_runs: int | None = 50
    stop_grace_seconds: int = 30
    finished_run_ttl_seconds: int = 3600


# --- effects: what `decide` wants done in the world; each may be repeated without harm ---------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartWorker:
    """Start the worker of an attempt that is recorded."""

    step_key: StepKey
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWorker:
    """Stop a worker: *grace_seconds* after a friendly signal, at once when 0."""

    step_key: StepKey
    attempt: int
    grace_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWorker:
    """Let go of a worker whose outcome is recorded."""

    step_key: StepKey
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRun:
    """Show the state of the run to people (the status of its Job object)."""


Effect = StartWorker | StopWorker | ReleaseWorker | PublishRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a pure function made of a run: its next state, events for the log, and effects to apply after the commit."""

    state: RunState
    events: tuple[NewEvent, ...] = ()
    effects: tuple[Effect, ...] = ()
