"""Take the reports of step processes: the start of an attempt, its events, its outcome.

Called by the ingest API. A report is durable before it is acknowledged; an outcome is recorded in the same transaction as the
events before it, and that commit wakes the engine. Nothing here evaluates what a user's code has sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from opweave.wire import WIRE_VERSION, codec, message
from opweave.wire import attempt as wire_attempt
from opweave.wire.attempt import EventType
from opweave_operator import ports
from opweave_operator.core import model, outcomes, run_state
from opweave_operator.usecases import attempt_access, attempt_slice, event_rate
from opweave_operator.usecases.attempt_access import AttemptAccess, Identity, LocalIdentity
from opweave_operator.usecases.refusals import RefusalCode, Refused

T = TypeVar("T")

_LARGEST_SEQ = 2**31 - 1
_LONGEST_MESSAGE = 64 * 1024
_MOST_OUTPUTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLimits:
    """How much one attempt may report.

    Attributes:
        events_per_second: Sustained; 20 times what one step process can send in batches of one.
        burst_events: At once: a step that starts with a flood of log lines is normal.
    """

    events_per_second: float = 20_000
    burst_events: int = 60_000


class IngestEvents:
    """Takes the reports of step processes."""

    def __init__(
        self,
        *,
        access: AttemptAccess,
        events: ports.EventStore,
        assets: ports.AssetStore,
        clock: ports.Clock,
        limits: IngestLimits | None = None,
    ) -> None:
        limits = limits or IngestLimits()
        self._access = access
        self._events = events
        self._assets = assets
        self._clock = clock
        self._rate = event_rate.EventRate(limits.events_per_second, limits.burst_events)

    async def start_attempt(
        self, ref: ports.AttemptRef, identity: Identity, request: wire_attempt.StartRequest
    ) -> wire_attempt.AttemptSlice:
        """Mark the attempt RUNNING by this worker and return its part of the plan; repeating it is harmless.

        Raises:
            Refused: Not its worker, closed, or run by another worker.
        """
        if request.wire_version > WIRE_VERSION:
            raise Refused(
                RefusalCode.INVALID,
                f"the image speaks version {request.wire_version} of the wire, this operator"
                f" version {WIRE_VERSION}: upgrade the operator first",
            )
        state = await self._start(ref, identity)
        slice_ = attempt_slice.cut(state, ref.step_key, ref.number)
        keys = attempt_slice.upstream_assets(state.run.plan, ref.step_key)
        if not keys:
            return slice_
        known = await self._assets.states(keys)
        return attempt_slice.with_assets(slice_, state.run.plan, known)

    async def _start(self, ref: ports.AttemptRef, identity: Identity) -> model.RunState:
        record = await self._access.authorize(ref, identity)
        attempt_access.require_open(record)
        try:
            return await self._bind(record, identity)
        except ports.AttemptClosed as closed:
            # Between the two reads the engine may have seen the worker and recorded its id: then ours is looked up anew.
            again = await self._access.authorize(ref, identity)
            attempt_access.require_open(again)
            if again.attempt.worker_id == record.attempt.worker_id:
                raise _closed(ref, closed) from closed
        try:
            return await self._bind(again, identity)
        except ports.AttemptClosed as closed:
            raise _closed(ref, closed) from closed

    async def _bind(self, record: ports.AttemptRecord, identity: Identity) -> model.RunState:
        worker_id, worker_name = _worker_of(record.attempt, identity)
        return await self._events.start_attempt(
            record.ref, worker_id=worker_id, worker_name=worker_name, at=self._clock.now()
        )

    async def append(
        self, ref: ports.AttemptRef, identity: Identity, batch: wire_attempt.EventBatch
    ) -> wire_attempt.EventAck:
        """Store *batch*, and the attempt's outcome when it ends with one; repeating it is harmless.

        Raises:
            Refused: Not its worker, closed, not started, too fast, a gap before the batch, or not of the agreed shape.
        """
        _check_batch(batch)
        record = await self._access.authorize(ref, identity)
        if record.attempt.worker_id is None:
            raise Refused(
                RefusalCode.NOT_YOUR_ATTEMPT, "the attempt has not started: send the start first"
            )
        now = self._clock.now()
        wait = self._rate.take(ref, max(1, len(batch.events)), now)
        if wait:
            raise Refused(
                RefusalCode.TOO_FAST,
                "the attempt reports more events than it may; send fewer, or later",
                retry_after_seconds=wait,
            )
        next_seq = await self._store(ref, batch, record, now)
        return wire_attempt.EventAck(next_seq=next_seq, should_stop=_should_stop(record))

    async def _store(
        self,
        ref: ports.AttemptRef,
        batch: wire_attempt.EventBatch,
        record: ports.AttemptRecord,
        now: datetime,
    ) -> int:
        if not batch.events:
            return record.attempt.next_seq
        outcome, moments = _outcome(batch.events[-1], now, is_stopping=_should_stop(record))
        if moments.user_code_at is None and record.attempt.moments.user_code_at is None:
            moments = replace(moments, user_code_at=_begun_at(batch))
        events = _as_stored(batch.events, outcome)
        try:
            return await self._events.append(ref, events, outcome=outcome, moments=moments, now=now)
        except ports.AttemptClosed as closed:
            raise _closed(ref, closed) from closed
        except ports.SequenceGap as gap:
            raise Refused(
                RefusalCode.SEQUENCE_GAP,
                f"the batch begins with {batch.events[0].seq}, but {gap.expected} comes next",
                expected_seq=gap.expected,
            ) from gap


def _worker_of(attempt: model.Attempt, identity: Identity) -> tuple[str, str]:
    """Return the id and the name that the attempt's worker is recorded under."""
    if isinstance(identity, LocalIdentity):
        # The engine knows a local worker by an id that its process does not: the token stands in until the engine has seen it.
        fallback = f"token:{identity.token_digest[:16]}"
        return attempt.worker_id or fallback, attempt.worker_name or ""
    return identity.pod_uid, identity.pod_name


def _closed(ref: ports.AttemptRef, closed: ports.AttemptClosed) -> Refused:
    return Refused(
        RefusalCode.ATTEMPT_CLOSED,
        str(closed) or f"attempt {ref.number} of step {ref.step_key!r} takes no more reports",
    )


def _should_stop(record: ports.AttemptRecord) -> bool:
    return (
        record.run_status is model.RunStatus.CANCELING
        or record.run_status in run_state.FINISHED
        or record.attempt.stop_requested_at is not None
    )


def _check_batch(batch: wire_attempt.EventBatch) -> None:
    if len(batch.events) > wire_attempt.MAX_BATCH_EVENTS:
        raise Refused(
            RefusalCode.TOO_LARGE,
            f"{len(batch.events)} events are more than the {wire_attempt.MAX_BATCH_EVENTS} that one"
            " batch may hold",
        )
    if not batch.events:
        return
    first = batch.events[0].seq
    last = len(batch.events) - 1
    for index, event in enumerate(batch.events):
        _check_event(event, first + index, is_last=index == last)


def _check_event(event: wire_attempt.Event, seq: int, *, is_last: bool) -> None:
    if event.seq != seq or not 0 <= seq <= _LARGEST_SEQ:
        raise Refused(
            RefusalCode.INVALID,
            f"events of a batch are numbered without gaps: {event.seq} stands for {seq}",
        )
    if event.type not in wire_attempt.STEP_REPORTED_TYPES:
        raise Refused(
            RefusalCode.INVALID,
            f"event {seq}: a step may not report {event.type}; the operator does",
        )
    if event.type in wire_attempt.OUTCOME_TYPES and not is_last:
        raise Refused(
            RefusalCode.INVALID, f"event {seq}: {event.type} must be the last event of an attempt"
        )
    if len(event.message) > _LONGEST_MESSAGE:
        raise Refused(
            RefusalCode.TOO_LARGE,
            f"event {seq}: its message has {len(event.message)} characters, at most"
            f" {_LONGEST_MESSAGE} are allowed; put the rest into the payload",
        )
    _time(event.at, f"event {seq}: at")


def _outcome(
    event: wire_attempt.Event, now: datetime, *, is_stopping: bool
) -> tuple[model.Outcome | None, model.Moments]:
    """Return the outcome that *event* tells, if it is one, and the moments that came with it."""
    source = model.OutcomeSource.INGEST
    if event.type is EventType.STEP_SUCCESS:
        success = _decode(wire_attempt.StepSuccess, event)
        if len(success.outputs) > _MOST_OUTPUTS:
            raise Refused(
                RefusalCode.TOO_LARGE,
                f"event {event.seq}: {len(success.outputs)} outputs are more than {_MOST_OUTPUTS}",
            )
        return outcomes.from_success(success, source, now), _moments(success, now)
    if event.type is EventType.STEP_FAILURE:
        failure = _decode(wire_attempt.StepFailure, event)
        return outcomes.from_failure(_believable(failure, is_stopping=is_stopping), source, now), (
            _moments(failure, now)
        )
    return None, model.Moments()


_SHOWN_END = {
    model.AttemptStatus.CANCELED: EventType.STEP_CANCELED,
    model.AttemptStatus.LOST: EventType.STEP_UP_FOR_RETRY,
}


def _begun_at(batch: wire_attempt.EventBatch) -> datetime | None:
    """Return when the step began, if the batch tells: an attempt that is killed has no later report to tell it."""
    for event in batch.events:
        if event.type is EventType.STEP_START:
            return _time(event.at, f"event {event.seq}: at")
    return None


def _as_stored(
    events: tuple[wire_attempt.Event, ...], outcome: model.Outcome | None
) -> tuple[wire_attempt.Event, ...]:
    """Return *events* as the log shows them: a step that was cancelled, or that another attempt follows, has not failed."""
    shown = None if outcome is None else _SHOWN_END.get(outcome.status)
    return events if shown is None else (*events[:-1], message.replace(events[-1], type=shown))


def _believable(
    failure: wire_attempt.StepFailure, *, is_stopping: bool
) -> wire_attempt.StepFailure:
    """Return *failure*, as lost when it claims to be cancelled although nobody asked it to stop."""
    if failure.kind is not wire_attempt.FailureKind.CANCELED or is_stopping:
        return failure
    return wire_attempt.StepFailure(
        reason=failure.reason,
        message=failure.message,
        kind=wire_attempt.FailureKind.INFRASTRUCTURE,
        error=failure.error,
        exit_code=failure.exit_code,
        user_code_at=failure.user_code_at,
        body_ended_at=failure.body_ended_at,
    )


def _moments(
    report: wire_attempt.StepSuccess | wire_attempt.StepFailure, now: datetime
) -> model.Moments:
    return model.Moments(
        user_code_at=_optional_time(report.user_code_at, "user_code_at"),
        body_ended_at=_optional_time(report.body_ended_at, "body_ended_at"),
        committed_at=now,
    )


def _decode(cls: type[T], event: wire_attempt.Event) -> T:
    try:
        return codec.decode(cls, event.payload, f"events[{event.seq}].payload")
    except codec.WireError as error:
        raise Refused(RefusalCode.INVALID, str(error)) from error


def _optional_time(text: str | None, where: str) -> datetime | None:
    return None if text is None else _time(text, where)


def _time(text: str, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(
            RefusalCode.INVALID, f"{where}: {text[:40]!r} is no time as 2026-01-31T12:00:00+00:00"
        ) from error
