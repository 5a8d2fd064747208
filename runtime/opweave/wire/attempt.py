"""What a step process and the ingest API tell each other.

All requests carry ``Authorization: Bearer TOKEN`` (on the cluster the pod's projected token with audience ``opweave``,
locally a random one from the environment) under the base path
``/ingest/v1/runs/{run_id}/steps/{step_key}/attempts/{attempt}``, the step key percent-encoded:

| request | body | reply |
|---|---|---|
| ``POST .../start`` | `StartRequest` | `AttemptSlice`; the attempt is RUNNING from now on |
| ``POST .../events`` | `EventBatch` | `EventAck`; every event up to ``next_seq`` is durable |
| ``PUT .../logs/{stream}?offset=N`` | bytes | 204; ``stdout`` or ``stderr``; 409 with `LogAck` if *N* is not what is stored |
| ``PUT .../outputs/{output_name}[?mapping_key=K]`` | bytes, streamed | 204; replaces what the same attempt wrote before |
| ``GET .../inputs/{run_id}/{step_key}/{output_name}[?mapping_key=K]`` | | bytes, streamed; 404 when nothing was stored |

Refusals are `Refusal` with 401 (no or bad token), 403 (another attempt's token), 404 ``UnknownAttempt``, 409 (the attempt is
closed: a newer one has started or an outcome is recorded), 413 (too large), 425 ``SequenceGap`` (events before the batch are
missing; send again from ``expected_seq``), 429 (too fast; ``Retry-After`` says when), 400 (not this shape), 503 (the database or
the verifier of tokens does not answer). After 401, 403, 404 ``UnknownAttempt`` or 409 ``AttemptClosed`` the process must stop
without a further report; after anything else it retries. Logs are taken after the outcome too. ``NaN`` and ``Infinity``, which
are not JSON, are stored as text.
"""

from __future__ import annotations

import enum
from typing import Any

from opweave.wire import WIRE_VERSION
from opweave.wire.message import field, message

EXIT_SUCCESS = 0
"""The step's success was reported, or stands in the termination message."""
EXIT_FAILURE = 1
"""The user's code failed, and this was reported or stands in the termination message."""
EXIT_REFUSED = 66
"""Ingest refused this process: another attempt owns the step. Nothing may be concluded from it."""
EXIT_UNREACHABLE = 69
"""Ingest could not be reached before the user's code began: nothing ran, a new attempt may."""

MAX_EVENT_BYTES = 1024 * 1024
"""An encoded event above this is refused with 413."""
MAX_BATCH_EVENTS = 1000
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_TERMINATION_MESSAGE_BYTES = 4096
"""Kubernetes keeps no more of a container's termination message (core/v1 ContainerStateTerminated)."""


DATA_VERSION_TAG = "opweave/data_version"
CODE_VERSION_TAG = "opweave/code_version"
INPUT_VERSION_TAG_PREFIX = "opweave/input_data_version/"
"""Tags of events about assets: the version of the data, of the code, and of each asset that it was made of."""


class EventType(enum.StrEnum):
    """Types of events in a run's log; the names are the field's own."""

    RUN_ENQUEUED = "RUN_ENQUEUED"
    RUN_DEQUEUED = "RUN_DEQUEUED"
    RUN_STARTING = "RUN_STARTING"
    RUN_START = "RUN_START"
    RUN_SUCCESS = "RUN_SUCCESS"
    RUN_FAILURE = "RUN_FAILURE"
    RUN_CANCELING = "RUN_CANCELING"
    RUN_CANCELED = "RUN_CANCELED"
    STEP_WORKER_STARTING = "STEP_WORKER_STARTING"
    STEP_WORKER_STARTED = "STEP_WORKER_STARTED"
    STEP_START = "STEP_START"
    STEP_INPUT = "STEP_INPUT"
    STEP_OUTPUT = "STEP_OUTPUT"
    STEP_SUCCESS = "STEP_SUCCESS"
    STEP_FAILURE = "STEP_FAILURE"
    STEP_SKIPPED = "STEP_SKIPPED"
    STEP_CANCELED = "STEP_CANCELED"
    STEP_UP_FOR_RETRY = "STEP_UP_FOR_RETRY"
    STEP_RESTARTED = "STEP_RESTARTED"
    LOADED_INPUT = "LOADED_INPUT"
    HANDLED_OUTPUT = "HANDLED_OUTPUT"
    RESOURCE_INIT_STARTED = "RESOURCE_INIT_STARTED"
    RESOURCE_INIT_SUCCESS = "RESOURCE_INIT_SUCCESS"
    RESOURCE_INIT_FAILURE = "RESOURCE_INIT_FAILURE"
    STEP_EXPECTATION_RESULT = "STEP_EXPECTATION_RESULT"
    ASSET_MATERIALIZATION = "ASSET_MATERIALIZATION"
    ASSET_OBSERVATION = "ASSET_OBSERVATION"
    ASSET_CHECK_EVALUATION = "ASSET_CHECK_EVALUATION"
    ASSET_MATERIALIZATION_PLANNED = "ASSET_MATERIALIZATION_PLANNED"
    ASSET_CHECK_EVALUATION_PLANNED = "ASSET_CHECK_EVALUATION_PLANNED"
    HOOK_COMPLETED = "HOOK_COMPLETED"
    HOOK_ERRORED = "HOOK_ERRORED"
    HOOK_SKIPPED = "HOOK_SKIPPED"
    LOG_MESSAGE = "LOG_MESSAGE"
    ENGINE_EVENT = "ENGINE_EVENT"
    UNKNOWN = "UNKNOWN"
    """Of a newer runtime: stored with the name that it has there, in the payload under ``event_type``."""


STEP_REPORTED_TYPES = frozenset(
    {
        EventType.STEP_START,
        EventType.STEP_INPUT,
        EventType.STEP_OUTPUT,
        EventType.STEP_SUCCESS,
        EventType.STEP_FAILURE,
        EventType.STEP_UP_FOR_RETRY,
        EventType.STEP_RESTARTED,
        EventType.LOADED_INPUT,
        EventType.HANDLED_OUTPUT,
        EventType.RESOURCE_INIT_STARTED,
        EventType.RESOURCE_INIT_SUCCESS,
        EventType.RESOURCE_INIT_FAILURE,
        EventType.STEP_EXPECTATION_RESULT,
        EventType.ASSET_MATERIALIZATION,
        EventType.ASSET_OBSERVATION,
        EventType.ASSET_CHECK_EVALUATION,
        EventType.HOOK_COMPLETED,
        EventType.HOOK_ERRORED,
        EventType.HOOK_SKIPPED,
        EventType.LOG_MESSAGE,
        EventType.ENGINE_EVENT,
        EventType.UNKNOWN,
    }
)
"""What a step process may report; another type of ours in a batch is refused with 400, one that is not ours is `UNKNOWN`."""

OUTCOME_TYPES = frozenset({EventType.STEP_SUCCESS, EventType.STEP_FAILURE})
"""The last event of an attempt is one of these; ingest closes the attempt with it."""


@message
class ErrorInfo:
    """An error as the user's interpreter saw it.

    Attributes:
        class_name: As ``ZeroDivisionError``.
        message: ``str(error)``.
        stack: Traceback as Python prints it, error included, with the user's frames only; at most 64 kB. Older runtimes
            leave the error out.
        cause: What it was raised from, if anything.
    """

    class_name: str
    message: str
    stack: str = ""
    cause: ErrorInfo | None = None


class FailureKind(enum.StrEnum):
    """Whose budget of retries a failure is charged to."""

    USER_CODE = "USER_CODE"
    """The user's code raised, returned a wrong value or ended the process: retried by the user's policy only."""
    INFRASTRUCTURE = "INFRASTRUCTURE"
    """The process was lost, evicted or killed for memory: retried by the operator."""
    CANCELED = "CANCELED"
    """The process ended because it was told to."""


@message
class ProducedOutput:
    """An output that a step stored; *mapping_key* is set for one member of a dynamic output."""

    name: str
    mapping_key: str | None = None


@message
class StepSuccess:
    """Payload of ``STEP_SUCCESS``: what was stored, and two of the attempt's moments (ISO 8601, UTC)."""

    outputs: tuple[ProducedOutput, ...] = ()
    user_code_at: str | None = None
    body_ended_at: str | None = None


@message
class StepFailure:
    """Payload of ``STEP_FAILURE``.

    Attributes:
        reason: CamelCase: ``UserCodeError``, ``OOMKilled``, ``ProcessExited``, ``TimedOut``, ``OutputUnserializable``, ...
        message: One line for people.
        exit_code: Of the user's process when it ended by itself; negative is minus the signal number.
    """

    reason: str
    message: str
    kind: FailureKind = FailureKind.USER_CODE
    error: ErrorInfo | None = None
    exit_code: int | None = None
    user_code_at: str | None = None
    body_ended_at: str | None = None


@message
class Event:
    """One entry of an attempt's log.

    Attributes:
        seq: Gapless from 0 within the attempt; a repeated number is the same event sent again.
        at: ISO 8601 with offset, by the clock of the step's machine.
        message: One line for people; may be empty.
        payload: Per type; any JSON.
    """

    seq: int
    type: EventType
    at: str
    message: str = ""
    payload: dict[str, Any] = field(default_factory=dict)


@message
class EventBatch:
    """Events in order of their numbers, without gaps between them."""

    events: tuple[Event, ...]
    wire_version: int = WIRE_VERSION


@message
class EventAck:
    """Every event numbered below *next_seq* is durable; *should_stop* tells that the run is being cancelled."""

    next_seq: int
    should_stop: bool = False


@message
class LogAck:
    """How many bytes of a log stream are stored."""

    length: int


@message
class Refusal:
    """Why a request was refused; *code* is CamelCase: ``NoToken``, ``WrongAudience``, ``NotYourAttempt``, ``AttemptClosed``...

    *expected_seq* comes with ``SequenceGap``: the number that the next event must have.
    """

    code: str
    message: str
    expected_seq: int | None = None


@message
class StartRequest:
    """The first report of a step process."""

    runtime_version: str = ""
    host: str = ""
    process_started_at: str | None = None
    wire_version: int = WIRE_VERSION


@message
class StoredOutput:
    """Where an upstream output stands: the run may be a parent run."""

    run_id: str
    step_key: str
    output_name: str
    mapping_key: str | None = None


@message
class AttemptSlice:
    """What a step process must know: its part of the plan, and no more.

    Attributes:
        op_path: Path of the op in the graph (the step key without mapping keys).
        run_config: The run's config cut down to what this step reads: its own op's and all resources'.
        inputs: For each input fed by upstream steps, the stored outputs, skipped ones left out.
        first_seq: Number of the first event that this process sends.
        asset_keys: Assets that the run asks this step for; None means all that it has.
        asset_checks: Checks that the run asks this step for, as ``asset:name``; None means all that it has.
        asset_versions: Data versions of the assets that it is made of, as they are when the step starts.
        asset_inputs: For each input that is an asset which no step of the run writes, where it was stored last.
    """

    run_id: str
    job: str
    step_key: str
    attempt: int
    op_path: str
    run_config: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, tuple[StoredOutput, ...]] = field(default_factory=dict)
    mapping_key: str | None = None
    parent_run_id: str | None = None
    root_run_id: str | None = None
    first_seq: int = 0
    asset_keys: tuple[str, ...] | None = None
    asset_checks: tuple[str, ...] | None = None
    asset_versions: dict[str, str] = field(default_factory=dict)
    asset_inputs: dict[str, StoredOutput] = field(default_factory=dict)
    wire_version: int = WIRE_VERSION


@message
class TerminationMessage:
    """The outcome of an attempt, left where the container runtime keeps it, in case ingest never got it.

    Written as one JSON object of at most `MAX_TERMINATION_MESSAGE_BYTES`; long texts are cut.
    """

    seq: int
    type: EventType
    at: str
    success: StepSuccess | None = None
    failure: StepFailure | None = None
    wire_version: int = WIRE_VERSION
