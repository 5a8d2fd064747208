"""A step process as ingest sees it; for ``bench/ingest.py``. Standard library only, so that it starts at once.

Run: ``python bench/ingest_client.py PORT RUN_ID STEP TOKEN BATCH SECONDS``. Says ``ready``, waits for a line of input, reports
batches for that long, each after the acknowledgement of the one before, and writes a line of JSON: how many events were
acknowledged, in how many seconds, and the time of each report.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time


class Client:
    """One connection for one attempt."""

    def __init__(self, port: int, run_id: str, step_key: str, token: str) -> None:
        self._path = f"/ingest/v1/runs/{run_id}/steps/{step_key}/attempts/1"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seq = 0
        self._post("start", b"{}")

    def report(self, events: int) -> None:
        """Send a batch and wait for its acknowledgement."""
        batch = [
            {
                "seq": seq,
                "type": "LOG_MESSAGE",
                "at": "2026-03-01T12:00:00.123456+00:00",
                "message": f"row group {seq} written",
                "payload": {"level": "INFO", "rows": seq, "logger": "shop.assets"},
            }
            for seq in range(self._seq, self._seq + events)
        ]
        self._seq += events
        ack = self._post("events", json.dumps({"events": batch}).encode())
        if ack["next_seq"] != self._seq:
            raise RuntimeError(f"acknowledged {ack}, sent up to {self._seq}")

    def _post(self, rest: str, body: bytes) -> dict[str, int]:
        self._connection.request("POST", f"{self._path}/{rest}", body, self._headers)
        reply = self._connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{reply.status}: {content[:500]!r}")
        parsed: dict[str, int] = json.loads(content)
        return parsed


def main(port: str, run_id: str, step_key: str, token: str, batch: str, seconds: str) -> None:
    client = Client(int(port), run_id, step_key, token)
    print("ready", flush=True)
    sys.stdin.readline()
    reports: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < float(seconds):
        sent = time.perf_counter()
        client.report(int(batch))
        reports.append(time.perf_counter() - sent)
    took = time.perf_counter() - began
    print(json.dumps({"events": len(reports) * int(batch), "seconds": took, "reports": reports}))


if __name__ == "__main__":
    main(*sys.argv[1:])
