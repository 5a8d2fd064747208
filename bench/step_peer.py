"""The smallest peer that a step process can report to: takes everything, keeps nothing."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: object = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        """Take a start or a batch."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/start"):
            attempt = int(self.path.split("/")[-2])
            self._answer(
                200,
                {
                    "run_id": "01jd7q00000000000000000000",
                    "job": "one",
                    "step_key": "trivial",
                    "attempt": attempt,
                    "op_path": "trivial",
                },
            )
        else:
            self._answer(200, {"next_seq": body["events"][-1]["seq"] + 1})

    def do_PUT(self) -> None:
        """Take a piece of a log."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(204)


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Serve on a free loopback port; give the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
