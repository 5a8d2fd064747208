"""Report an attempt to ingest: its start, its events in order, its outcome.

Runs in one thread of the supervisor with a connection of its own. What is handed to it is sent until ingest has said that
it is durable, ingest has refused this process for good, or nobody answered for the configured time.
"""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable

from opweave.ingest_client.backoff import Backoff
from opweave.ingest_client.endpoint import AttemptEndpoint
from opweave.ingest_client.http1 import Connection
from opweave.ingest_client.replies import is_final, parse_reply, retry_after_seconds, told
from opweave.step_process.channel import Json, encode_json, is_outcome
from opweave.wire import WIRE_VERSION
from opweave.wire.attempt import MAX_BATCH_EVENTS, EventType

IDLE_SECONDS = 0.05
"""Events are held until none has come for so long: a quiet step costs one request."""
MAX_HOLD_SECONDS = 0.5
"""Never longer than this, so that a live view of a busy step lags by no more."""
FULL_BATCH_EVENTS = 200
MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""Half of what ingest takes, so that one event of the largest size always fits in."""
MAX_QUEUE_BYTES = 16 * 1024 * 1024
"""More is not read from the worker, which then waits at its next event."""
_UNFIT_STATUSES = frozenset({400, 413})


class Standing(enum.Enum):
    """How this process stands with ingest."""

    OPEN = enum.auto()
    REFUSED = enum.auto()
    """Another attempt owns the step, or the token is not for it: no report may follow."""
    LOST = enum.auto()
    """Nobody answered for the configured time: what is left cannot be reported."""


class _Queued:
    """An event that ingest has not acknowledged."""

    __slots__ = ("encoded", "event", "seq")

    def __init__(self, seq: int, encoded: bytes, event: Json) -> None:
        self.seq = seq
        self.encoded = encoded
        self.event = event


class Reporter:
    """Sends one attempt's reports in order from a thread of its own.

    Attributes:
        standing: May change at any time; `on_change` is called after it did.
        refusal: What ingest said when it refused.
        should_stop: Ingest has said that the run is being cancelled.
    """

    def __init__(
        self,
        endpoint: AttemptEndpoint,
        *,
        timeout_seconds: float,
        on_started: Callable[[bytes], None],
        on_change: Callable[[], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        """Make a reporter that has not begun.

        Args:
            endpoint: Of the attempt.
            timeout_seconds: How long one request is tried again.
            on_started: Called in the reporter's thread with the encoded slice when ingest took the start.
            on_change: Called in the reporter's thread when anything that can be asked of it has changed.
            on_trouble: Called with one line for people when a request first fails and when it works again.
        """
        self.standing = Standing.OPEN
        self.refusal = ""
        self.should_stop = False
        self.is_started = False
        self._endpoint = endpoint
        self._connection = Connection(endpoint.address)
        self._timeout_seconds = timeout_seconds
        self._on_started = on_started
        self._on_change = on_change
        self._on_trouble = on_trouble
        self._changed = threading.Condition()
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._last_put = 0.0
        self._first_put = 0.0
        self._next_seq = 0
        self._is_urgent = False
        self._is_troubled = False
        self._thread = threading.Thread(target=self._run, name="opweave-reporter", daemon=True)

    def begin(self, start_request: Json) -> None:
        """Send *start_request*, then whatever is put."""
        self._start_request = encode_json(start_request)
        self._thread.start()

    @property
    def next_seq(self) -> int:
        """Number of the next event that is put."""
        return self._next_seq

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be put for now; `on_change` tells when that ends."""
        return self._queued_bytes > MAX_QUEUE_BYTES

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to send, or nothing more can be."""
        with self._changed:
            return self.standing is not Standing.OPEN or not self._queue

    def put(self, event: Json) -> None:
        """Number *event* and send it in time; an outcome is sent at once with all before it."""
        with self._changed:
            if self.standing is not Standing.OPEN:
                return
            encoded = encode_json({"seq": self._next_seq, **event})
            now = time.monotonic()
            if not self._queue:
                self._first_put = now
            self._last_put = now
            self._queue.append(_Queued(self._next_seq, encoded, event))
            self._queued_bytes += len(encoded)
            self._next_seq += 1
            self._is_urgent = self._is_urgent or is_outcome(event)
            self._changed.notify()

    def flush(self) -> None:
        """Send at once what has been put."""
        with self._changed:
            self._is_urgent = True
            self._changed.notify()

    # --- in the reporter's thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if not self._start():
                return
            while self.standing is Standing.OPEN:
                batch = self._wait_for_batch()
                self._send(batch)
                self._on_change()
        finally:  # without this thread the supervisor must not wait
            if self.standing is Standing.OPEN:
                self._end(Standing.LOST, "the reporter failed; the log tells more")

    def _start(self) -> bool:
        backoff = Backoff(self._timeout_seconds)
        while self.standing is Standing.OPEN:
            status, reply = self._post("start", self._start_request, backoff)
            if status != 200:
                continue
            first_seq = reply.get("first_seq", 0)
            self._next_seq = first_seq if isinstance(first_seq, int) and first_seq >= 0 else 0
            self.is_started = True
            self._on_change()
            self._on_started(encode_json(reply))
            return True
        return False

    def _wait_for_batch(self) -> list[_Queued]:
        with self._changed:
            while True:
                wait = self._seconds_until_due()
                if wait is not None and wait <= 0:
                    return self._next_batch()
                self._changed.wait(wait)

    def _seconds_until_due(self) -> float | None:
        if not self._queue:
            self._is_urgent = False
            return None
        if self._is_urgent or len(self._queue) >= FULL_BATCH_EVENTS:
            return 0.0
        due = min(self._last_put + IDLE_SECONDS, self._first_put + MAX_HOLD_SECONDS)
        return due - time.monotonic()

    def _next_batch(self) -> list[_Queued]:
        batch: list[_Queued] = []
        size = 0
        for item in self._queue:
            size += len(item.encoded)
            if batch and (size > MAX_REQUEST_BYTES or len(batch) >= MAX_BATCH_EVENTS):
                break
            batch.append(item)
        return batch

    def _send(self, batch: list[_Queued]) -> None:
        backoff = Backoff(self._timeout_seconds)
        while self.standing is Standing.OPEN:
            events = b",".join(item.encoded for item in batch)
            body = b'{"events":[%s],"wire_version":%d}' % (events, WIRE_VERSION)
            status, reply = self._post("events", body, backoff)
            if status == 200:
                self.should_stop = self.should_stop or reply.get("should_stop") is True
                acknowledged = reply.get("next_seq")
                if self._forget(acknowledged if isinstance(acknowledged, int) else 0):
                    return
                self._pause(backoff, "ingest acknowledged no event of a batch", None)
            elif status in _UNFIT_STATUSES and not self._make_fit(batch, reply):
                self._pause(backoff, f"ingest refused an event: {told(reply)}", None)

    def _forget(self, next_seq: int) -> bool:
        with self._changed:
            before = len(self._queue)
            while self._queue and self._queue[0].seq < next_seq:
                self._queued_bytes -= len(self._queue.popleft().encoded)
            self._first_put = time.monotonic()
            return len(self._queue) < before

    def _make_fit(self, batch: list[_Queued], reply: Json) -> bool:
        """Change a batch that ingest will not take: halve it, and replace an event that it will not take alone."""
        if len(batch) > 1:
            del batch[len(batch) // 2 :]
            return True
        item = batch[0]
        if "refused" in item.event["payload"]:
            return False
        payload: Json = {"refused": told(reply)}
        if is_outcome(item.event):
            payload = {**_essence(item.event["payload"]), **payload}
            type_ = item.event["type"]
        else:
            type_ = str(EventType.ENGINE_EVENT)
        message = f"{item.event['type']} was refused by ingest: {item.event['message'][:200]}"
        item.event = {"type": type_, "at": item.event["at"], "message": message, "payload": payload}
        with self._changed:
            self._queued_bytes -= len(item.encoded)
            item.encoded = encode_json({"seq": item.seq, **item.event})
            self._queued_bytes += len(item.encoded)
        return True

    def _post(self, rest: str, body: bytes, backoff: Backoff) -> tuple[int, Json]:
        """Send one request; return its status and reply, or 0 after having paused because it must be sent again."""
        try:
            response = self._connection.request(
                "POST",
                self._endpoint.path(rest),
                headers=self._endpoint.headers("application/json"),
                body=body,
            )
            reply = parse_reply(response.read())
        except OSError as error:
            self._pause(backoff, f"{type(error).__name__}: {error}", None)
            return 0, {}
        if response.status == 200 or (response.status in _UNFIT_STATUSES and rest != "start"):
            self._tell_recovery()
            return response.status, reply
        if is_final(response.status, reply):
            self._end(Standing.REFUSED, f"HTTP {response.status} {told(reply)}")
            return response.status, reply
        self._pause(
            backoff,
            f"HTTP {response.status} {told(reply)}",
            retry_after_seconds(response.headers.get("retry-after", "")),
        )
        return 0, {}

    def _pause(self, backoff: Backoff, trouble: str, asked_seconds: float | None) -> None:
        if not self._is_troubled:
            self._is_troubled = True
            self._on_trouble(
                f"cannot report to {self._endpoint.address.authority}: {trouble}; trying again"
            )
        delay = backoff.next_delay(asked_seconds)
        if delay is None:
            self._end(Standing.LOST, trouble)
        else:
            time.sleep(delay)

    def _tell_recovery(self) -> None:
        if self._is_troubled:
            self._is_troubled = False
            self._on_trouble("reporting works again")

    def _end(self, standing: Standing, why: str) -> None:
        with self._changed:
            self.standing = standing
            self.refusal = why
            self._queue.clear()
            self._queued_bytes = 0
        self._connection.close()
        self._on_change()


def _essence(payload: Json) -> Json:
    """Return the payload of an outcome without its texts."""
    kept = {k: v for k, v in payload.items() if k not in ("error", "message")}
    if "message" in payload:
        kept["message"] = str(payload["message"])[:200]
    return kept
