"""What the use-cases need of the world, as protocols; adapters, storage and tests fulfil them.

An implementation passes the contract suite of its port in ``tests/contract``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from opweave.wire import attempt as wire_attempt
from opweave.wire import location as wire_location
from opweave.wire import ticks as wire_ticks
from opweave_operator.core import model
from opweave_operator.core.assets import AssetEvent, AssetEventKind, AssetState
from opweave_operator.core.instigators import (
    Declaration,
    InstigatorRef,
    InstigatorState,
    Kind,
    Toggle,
)
from opweave_operator.core.tick_records import RunRequest, Tick, TickOutcome, TickStatus


class Clock(Protocol):
    """The time; tests move it by hand."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...


class StartRefused(Exception):
    """The executor cannot start a worker now.

    Attributes:
        reason: CamelCase: ``QuotaExceeded``, ``Forbidden``, ``Invalid``, ``NamespaceGone``...
        message: What the platform said.
        is_permanent: Trying again cannot help.
    """

    def __init__(self, reason: str, message: str, *, is_permanent: bool) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.is_permanent = is_permanent


class Executor(Protocol):
    """Where workers run: pods on a cluster, processes on a laptop. All methods may be repeated without harm."""

    async def start(self, run: model.Run, step: model.Step, attempt: model.Attempt) -> None:
        """Start the worker of *attempt*, after making the run's object if it is not there yet.

        A worker that exists already is left as it is.

        Raises:
            StartRefused: The platform refuses it now or for good.
        """
        ...

    async def stop(
        self, run: model.Run, step_key: model.StepKey, attempt: int, grace_seconds: int
    ) -> None:
        """Tell a worker to stop, and end it after *grace_seconds*; a worker that is gone is no error."""
        ...

    async def release(self, run: model.Run, step_key: model.StepKey, attempt: int) -> None:
        """Let go of a worker: its outcome is recorded, nothing of it is needed any more."""
        ...

    async def release_unknown(self, run_id: model.RunId) -> None:
        """Let go of the workers of a run that is not recorded here, those that somebody wants gone."""
        ...

    async def observe(
        self, run: model.Run, expected: Collection[tuple[model.StepKey, int]]
    ) -> model.Observation:
        """Return what is known of the run's workers.

        Every member of *expected* is in the result; `model.WorkerPhase.ABSENT` only after asking the platform itself.
        """
        ...

    async def publish(self, state: model.RunState, policy: model.EnginePolicy) -> None:
        """Show *state* on the run's object; when the run has ended, also let the platform remove it in time."""
        ...

    def changes(self) -> AsyncIterator[model.RunId]:
        """Yield the id of a run whenever something about its workers may have changed."""
        ...


StateFunction = Callable[[model.RunState], model.Decision]

QueueFunction = Callable[[Sequence[model.Run], Sequence[model.Run]], Collection[model.RunId]]
"""Given queued and active runs, returns which of the queued ones may start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to list; None and empty mean any."""

    statuses: tuple[model.RunStatus, ...] = ()
    job: str | None = None
    location: model.LocationRef | None = None
    job_resource: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    created_after: datetime | None = None
    created_before: datetime | None = None


class RunStore(Protocol):
    """Runs with their steps and attempts. Each method is one transaction."""

    async def create(self, run: model.Run, events: Sequence[model.NewEvent]) -> model.RunState:
        """Store a new run with one WAITING step per planned step, and its first events.

        Creating the same id again returns what is stored and changes nothing.
        """
        ...

    async def load(self, run_id: model.RunId) -> model.RunState | None:
        """Return the run, or None."""
        ...

    async def transact(self, run_id: model.RunId, change: StateFunction) -> model.Decision | None:
        """Lock the run, apply the pure function *change* to its state, store the difference and the events, commit.

        Returns what *change* returned, its state being what is stored; None when there is no such run.
        """
        ...

    async def list_runs(
        self, where: RunFilter, *, limit: int, before: model.RunId | None = None
    ) -> list[model.Run]:
        """Return runs, newest first, those older than *before* only; plan and worker template of each are empty."""
        ...

    async def unfinished(self) -> list[model.RunId]:
        """Return the runs which the engine must look at: not finished, or finished and not yet published or released.

        Those that wait in the queue are left out, unless they are to be cancelled: admission looks at them all at once.
        """
        ...

    async def queued(self) -> list[model.Run]:
        """Return the QUEUED runs in the order of their creation; plan and worker template of each are empty."""
        ...

    async def admit(
        self, candidates: Sequence[model.RunId], choose: QueueFunction, change: StateFunction
    ) -> list[model.RunId]:
        """Apply *change* to those of *candidates* that *choose* returns; return these.

        *choose* is given those of *candidates* that are still queued, and all active runs. Nobody else admits between its
        look and the commit, so that limits hold whoever else admits.
        """
        ...

    async def note_queued(self, reasons: Mapping[model.RunId, str]) -> None:
        """Store why runs wait in the queue; one that has left it stays as it is."""
        ...

    async def count_by_status(self, where: RunFilter) -> dict[model.RunStatus, int]:
        """Return how many runs there are of each status."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRef:
    """One attempt of one step of one run."""

    run_id: model.RunId
    step_key: model.StepKey
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """What ingest must know of an attempt to judge a request.

    Attributes:
        is_newest: No newer attempt of the step exists.
        namespace: Of the run's location.
    """

    ref: AttemptRef
    attempt: model.Attempt
    is_newest: bool
    run_status: model.RunStatus
    namespace: str
    token_digest: str | None = None


class AttemptClosed(Exception):
    """The attempt takes no more reports: it has an outcome, a newer attempt exists, or the run has ended."""


class SequenceGap(Exception):
    """A batch begins after the number that comes next; *expected* is that number."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"the next event must have number {expected}")
        self.expected = expected


class EventStore(Protocol):
    """The log of runs. Each method is one transaction."""

    async def find_attempt(self, ref: AttemptRef) -> AttemptRecord | None:
        """Return the attempt, or None."""
        ...

    async def start_attempt(
        self, ref: AttemptRef, *, worker_id: str, worker_name: str, at: datetime
    ) -> model.RunState:
        """Mark the attempt RUNNING by *worker_id*, once; return the run.

        Repeating it with the same *worker_id* changes nothing.

        Raises:
            AttemptClosed: It cannot run, or another worker runs it.
        """
        ...

    async def append(
        self,
        ref: AttemptRef,
        events: Sequence[wire_attempt.Event],
        *,
        outcome: model.Outcome | None,
        moments: model.Moments,
        now: datetime,
    ) -> int:
        """Store reported events and, if the batch ends with one, the *outcome* of the attempt and its step; commit.

        Numbers below the expected one are repeats and are left out. Returns the next expected number.

        Raises:
            AttemptClosed: And none of the events is a repeat of stored ones only.
            SequenceGap: An event is missing before the first.
        """
        ...

    async def set_token_digest(self, ref: AttemptRef, digest: str) -> None:
        """Remember the digest of the token by which the attempt's local worker will be known.

        Raises:
            AttemptClosed: There is no such attempt.
        """
        ...

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
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRecord:
    """A code location as the operator knows it.

    Attributes:
        url: Where its serving code server answers; empty while none does.
        worker_template: Becomes `model.Run.worker_template` of runs launched now.
        snapshot: Of the definitions that are served; None before the first load.
        failure: Why the newest version cannot be loaded, although an older one may still serve.
    """

    ref: model.LocationRef
    url: str = ""
    image: str = ""
    worker_template: Mapping[str, Any] = field(default_factory=dict)
    snapshot: wire_location.LocationSnapshot | None = None
    failure: wire_location.LoadFailure | None = None
    loaded_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A declared job: the ``Job`` custom resource, or the same from a file.

    Attributes:
        job: In the code; that of all assets when *assets* selects some of them.
        assets: Selection of the assets to make, evaluated at each launch; empty means what *job* makes.
    """

    namespace: str
    name: str
    location: str
    job: str
    assets: str = ""
    run_config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    max_concurrent_runs: int | None = None
    timeouts: model.Timeouts = field(default_factory=model.Timeouts)
    max_retries: int | None = None
    step_overrides: Mapping[str, Any] = field(default_factory=dict)


class CatalogStore(Protocol):
    """Code locations, declared jobs and instance settings. Each method is one transaction."""

    async def put_location(self, record: LocationRecord) -> None:
        """Store *record* in place of an older one."""
        ...

    async def get_location(self, ref: model.LocationRef) -> LocationRecord | None:
        """Return the location, or None."""
        ...

    async def list_locations(self) -> list[LocationRecord]:
        """Return all locations by namespace and name."""
        ...

    async def location_stamps(self) -> dict[model.LocationRef, tuple[str, datetime | None]]:
        """Return url and time of the last change of all locations: what differs when one has to be read again."""
        ...

    async def delete_location(self, ref: model.LocationRef) -> None:
        """Forget a location; its runs stay."""
        ...

    async def put_job(self, record: JobRecord) -> None:
        """Store *record* in place of an older one."""
        ...

    async def get_job(self, namespace: str, name: str) -> JobRecord | None:
        """Return the declared job, or None."""
        ...

    async def list_jobs(self) -> list[JobRecord]:
        """Return all declared jobs by namespace and name."""
        ...

    async def delete_job(self, namespace: str, name: str) -> None:
        """Forget a declared job; its runs stay."""
        ...

    async def put_instance(self, spec: Mapping[str, Any]) -> None:
        """Store the instance's settings as they stand in ``Instance.spec``."""
        ...

    async def get_instance(self) -> Mapping[str, Any]:
        """Return the instance's settings; empty means all defaults."""
        ...


class InstigatorStore(Protocol):
    """Schedules and sensors: manifests, states, ticks, requested runs. Each method is one transaction."""

    async def put_declaration(self, declaration: Declaration) -> None:
        """Store a manifest in place of an older one."""
        ...

    async def delete_declaration(self, kind: Kind, namespace: str, name: str) -> None:
        """Forget a manifest; ticks, cursor and run keys stay."""
        ...

    async def declarations(self) -> list[Declaration]:
        """Return all manifests by kind, namespace and name."""
        ...

    async def states(self) -> list[InstigatorState]:
        """Return what has happened to all schedules and sensors."""
        ...

    async def get_state(self, ref: InstigatorRef) -> InstigatorState:
        """Return what has happened to one; that of a new one when nothing has."""
        ...

    async def put_running(
        self, ref: InstigatorRef, *, running_since: datetime | None, timing: str
    ) -> None:
        """Note that it began to tick, or to tick by another *timing*, at *running_since*; None: it stopped.

        The ticks of a schedule before that moment are dealt with.
        """
        ...

    async def put_toggle(self, ref: InstigatorRef, toggle: Toggle | None) -> None:
        """Note what a person has set; None takes it back."""
        ...

    async def put_cursor(self, ref: InstigatorRef, cursor: str | None) -> None:
        """Set the cursor of a sensor by hand."""
        ...

    async def put_started(self, ref: InstigatorRef, at: datetime, started_at: datetime) -> None:
        """Show that a tick is being evaluated, unless it has ended."""
        ...

    async def commit_tick(self, outcome: TickOutcome) -> list[RunRequest] | None:
        """Store the end of a tick, its requests without those whose run key was used before, and the cursor, together.

        Returns the requests; None when the tick had ended before, and then nothing changes.
        """
        ...

    async def pending_requests(self, limit: int) -> list[RunRequest]:
        """Return requested runs that are not launched yet, oldest first."""
        ...

    async def settle_requests(self, settled: Sequence[RunRequest]) -> None:
        """Store what became of requested runs; one that was refused makes its tick a failure."""
        ...

    async def list_ticks(
        self,
        ref: InstigatorRef,
        *,
        limit: int,
        before: datetime | None = None,
        statuses: Sequence[TickStatus] = (),
    ) -> list[Tick]:
        """Return ticks, newest first, those before *before* only."""
        ...

    async def unfinished_ticks(self) -> list[Tick]:
        """Return the ticks that are STARTED, oldest first."""
        ...


class AssetStore(Protocol):
    """What is known of assets. Events of steps are recorded by `EventStore.append`, in the same transaction."""

    async def states(self, keys: Collection[str] | None = None) -> dict[str, AssetState]:
        """Return what is known of the assets *keys*, or of all; those of which nothing is known are left out."""
        ...

    async def verdicts(self, keys: Collection[str] | None = None) -> list[AssetEvent]:
        """Return the last verdict of each check of the assets *keys*, or of all."""
        ...

    async def history(
        self,
        key: str,
        *,
        kinds: Collection[AssetEventKind] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> list[AssetEvent]:
        """Return entries of an asset's history, newest first, those with an id below *before* only."""
        ...

    async def wrote(self, keys: Collection[str], run_id: str, step_key: str) -> bool:
        """Return whether the step of a run wrote one of the assets *keys*."""
        ...

    async def report(self, events: Sequence[AssetEvent]) -> None:
        """Record *events* that no run told."""
        ...

    async def wipe(self, key: str) -> bool:
        """Forget all of an asset but its definition; return whether anything was known of it."""
        ...


class LocationUnavailable(Exception):
    """The code server of a location does not answer now; the text says what was tried."""


class CodeLocations(Protocol):
    """The code servers."""

    async def health(self, url: str) -> wire_location.LocationHealth:
        """Return the state of the code server at *url*.

        Raises:
            LocationUnavailable: It does not answer.
        """
        ...

    async def snapshot(self, url: str) -> wire_location.LocationSnapshot:
        """Return what the code server at *url* defines.

        Raises:
            LocationUnavailable: It does not answer, or has not loaded.
        """
        ...

    async def worker(self, url: str) -> wire_location.WorkerCommand:
        """Return how a process on the code server's own machine runs the same code.

        Raises:
            LocationUnavailable: It does not answer, or is too old to know.
        """
        ...

    async def plan(self, url: str, request: wire_location.PlanRequest) -> wire_location.PlanReply:
        """Return the plan of a run or the problems of its config.

        Raises:
            LocationUnavailable: It does not answer.
        """
        ...

    async def scaffold(
        self, url: str, request: wire_location.ScaffoldRequest
    ) -> wire_location.ScaffoldReply:
        """Return an example run config.

        Raises:
            LocationUnavailable: It does not answer.
        """
        ...

    async def schedule_tick(
        self, url: str, request: wire_ticks.ScheduleTickRequest
    ) -> wire_ticks.TickReply:
        """Evaluate a schedule.

        Raises:
            LocationUnavailable: It does not answer, or not in time.
        """
        ...

    async def sensor_tick(
        self, url: str, request: wire_ticks.SensorTickRequest
    ) -> wire_ticks.TickReply:
        """Evaluate a sensor.

        Raises:
            LocationUnavailable: It does not answer, or not in time.
        """
        ...


class WakeUps(Protocol):
    """How a commit in one process wakes the engine and live views in another; a lost one costs a second at most."""

    async def notify(self, run_id: model.RunId) -> None:
        """Tell everyone that something about the run was committed."""
        ...

    def listen(self) -> AsyncIterator[model.RunId]:
        """Yield ids of runs about which something was committed."""
        ...


class ArtifactStore(Protocol):
    """Outputs of steps that went through the artifact endpoint."""

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store an object whole or not at all; return its length in bytes."""
        ...

    async def read(self, key: str) -> AsyncIterator[bytes] | None:
        """Return the object's content, or None."""
        ...


class RunFiles(Protocol):
    """Files on the instance's volume by the run to which they belong."""

    async def run_ids(self) -> list[model.RunId]:
        """Return the runs that have files."""
        ...

    async def remove(self, run_id: model.RunId) -> None:
        """Remove all files of a run; there need not be any."""
        ...


class HistoryStore(Protocol):
    """What has ended long ago. Each method is one small transaction; a run that is not settled is never touched.

    A run to whose outputs an unsettled run may go back counts as unsettled.
    """

    async def ended_runs(
        self, before: datetime, *, limit: int, with_events: bool = False
    ) -> list[model.RunId]:
        """Return runs of which nothing is left to do since *before*, oldest first; on wish only those with events."""
        ...

    async def ended_among(
        self, run_ids: Sequence[model.RunId], before: datetime
    ) -> list[model.RunId]:
        """Return those of *run_ids* of which nothing is left to do since *before*."""
        ...

    async def delete_events(self, run_id: model.RunId, *, limit: int) -> int:
        """Delete the first *limit* events of a run; return how many went."""
        ...

    async def delete_run(self, run_id: model.RunId, before: datetime) -> bool:
        """Delete a run of which nothing is left to do since *before*; return whether it went."""
        ...

    async def delete_ticks(self, before: datetime, *, limit: int) -> int:
        """Delete up to *limit* ticks that ended before *before* and whose runs are launched; return how many went."""
        ...

    async def free_space(self) -> bool:
        """Give back to the file system some of the space that deletion left; return whether there is more."""
        ...


class LogStore(Protocol):
    """Standard output and error of each attempt."""

    async def append(self, ref: AttemptRef, stream: str, offset: int, data: bytes) -> int:
        """Store *data* at *offset* if that is the stored length; return the length that is stored then."""
        ...

    async def read(self, ref: AttemptRef, stream: str, offset: int, limit: int) -> bytes:
        """Return up to *limit* bytes from *offset*; empty at or after the end."""
        ...

    async def length(self, ref: AttemptRef, stream: str) -> int:
        """Return the stored length in bytes; 0 when there is nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIdentity:
    """Whose token it is, on the cluster: the pod that it is bound to."""

    namespace: str
    pod_name: str
    pod_uid: str


class IdentityUnavailable(Exception):
    """The platform cannot verify a token now; nothing is known about the token."""


class IdentityReviewer(Protocol):
    """Who verifies the tokens of workers: TokenReview on the cluster."""

    async def review(self, token: str) -> TokenIdentity | None:
        """Return whose *token* it is; None when it is not valid for our audience or not bound to a pod.

        Raises:
            IdentityUnavailable: It cannot be verified now.
        """
        ...
