"""Upload what the worker writes to its standard output and error, byte for byte.

One thread with a connection of its own, so that a flood of output never delays an event. Memory is bounded: a writer waits
while a stream's buffer is full, so nothing is dropped. Offsets make repeats harmless.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from opweave.ingest_client.backoff import Backoff
from opweave.ingest_client.endpoint import AttemptEndpoint
from opweave.ingest_client.http1 import Connection
from opweave.ingest_client.replies import is_final, parse_reply

HOLD_SECONDS = 0.2
"""Output is sent this long after its first byte, or as soon as there is a full chunk."""
CHUNK_BYTES = 64 * 1024
MAX_REQUEST_BYTES = 512 * 1024
MAX_BUFFER_BYTES = 2 * 1024 * 1024


class _Stream:
    """What of one stream is not stored yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.offset = 0
        self.pending = bytearray()
        self.since = 0.0


class LogUpload:
    """Buffers and uploads streams of output."""

    def __init__(
        self,
        endpoint: AttemptEndpoint,
        *,
        timeout_seconds: float,
        on_trouble: Callable[[str], None],
    ) -> None:
        """Make an upload that has not begun.

        Args:
            endpoint: Of the attempt.
            timeout_seconds: How long one request is tried again; after that output is discarded.
            on_trouble: Called with one line for people when output can no longer be uploaded.
        """
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._on_trouble = on_trouble
        self._connection = Connection(endpoint.address)
        self._streams: dict[str, _Stream] = {}
        self._changed = threading.Condition()
        self._is_discarding = False
        self._is_finishing = False
        self._thread = threading.Thread(target=self._run, name="opweave-logs", daemon=True)

    def begin(self) -> None:
        """Start to send; what was written before has been kept."""
        self._thread.start()

    def write(self, stream: str, data: bytes) -> None:
        """Take *data* for *stream* (``stdout`` or ``stderr``); wait while the stream's buffer is full."""
        with self._changed:
            entry = self._streams.setdefault(stream, _Stream(stream))
            while len(entry.pending) >= MAX_BUFFER_BYTES and not self._is_discarding:
                self._changed.wait()
            if self._is_discarding:
                return
            if not entry.pending:
                entry.since = time.monotonic()
            entry.pending += data
            self._changed.notify_all()

    def finish(self, timeout_seconds: float) -> None:
        """Send what is left, for at most *timeout_seconds*; nothing may be written after it."""
        with self._changed:
            self._is_finishing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        self.discard()

    def discard(self) -> None:
        """Forget what is not sent and all that comes: nobody takes it any more."""
        with self._changed:
            self._is_discarding = True
            for entry in self._streams.values():
                entry.pending.clear()
            self._changed.notify_all()

    # --- in the upload's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (entry := self._wait_for_chunk()) is not None:
                self._send(entry)
        finally:  # without this thread a writer must not wait
            self.discard()
            self._connection.close()

    def _wait_for_chunk(self) -> _Stream | None:
        with self._changed:
            while not self._is_discarding:
                filled = [entry for entry in self._streams.values() if entry.pending]
                if not filled and self._is_finishing:
                    return None
                wait: float | None = None
                if filled:
                    entry = min(filled, key=lambda e: e.since)
                    wait = entry.since + HOLD_SECONDS - time.monotonic()
                    full = [e for e in filled if len(e.pending) >= CHUNK_BYTES]
                    if wait <= 0 or full or self._is_finishing:
                        return entry if wait <= 0 or not full else full[0]
                self._changed.wait(wait)
            return None

    def _send(self, entry: _Stream) -> None:
        backoff = Backoff(self._timeout_seconds)
        while not self._is_discarding and entry.pending:
            with self._changed:
                data = bytes(entry.pending[:MAX_REQUEST_BYTES])
            trouble = self._put(entry, data)
            if not trouble:
                return
            delay = backoff.next_delay()
            if delay is None:
                self._give_up(trouble)
            else:
                time.sleep(delay)

    def _put(self, entry: _Stream, data: bytes) -> str:
        """Send *data*; return why it must be sent again, or nothing when the matter is settled."""
        try:
            response = self._connection.request(
                "PUT",
                self._endpoint.path(f"logs/{entry.name}?offset={entry.offset}"),
                headers=self._endpoint.headers("application/octet-stream"),
                body=data,
            )
            reply = parse_reply(response.read())
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        if 200 <= response.status < 300:
            self._advance(entry, entry.offset + len(data))
        elif response.status == 409 and isinstance(reply.get("length"), int):
            self._advance(entry, reply["length"])
        elif is_final(response.status, reply):
            self._give_up(f"HTTP {response.status} {reply.get('code', '')}")
        else:
            return f"HTTP {response.status} {reply.get('code', '')}"
        return ""

    def _advance(self, entry: _Stream, length: int) -> None:
        """Go on from *length*, what is stored: bytes before it are done; if ingest has lost some, they stay lost."""
        with self._changed:
            done = min(max(length - entry.offset, 0), len(entry.pending))
            del entry.pending[:done]
            entry.offset = length
            entry.since = time.monotonic()
            self._changed.notify_all()

    def _give_up(self, why: str) -> None:
        self._on_trouble(f"output is no longer uploaded: {why}")
        self.discard()
