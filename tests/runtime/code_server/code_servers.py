"""Starts real code servers for tests and talks to them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 30.0


class CodeServerProcess:
    """A code server on a free port of loopback, serving one file."""

    def __init__(self, directory: Path, code: str, *options: str, **environment: str) -> None:
        (directory / "shop.py").write_text(code)
        port_file = directory / "port"
        command = [sys.executable, "-m", "opweave", "code-server", "--file", "shop.py"]
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--port", "0", "--port-file", str(port_file), *options],
                cwd=directory,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.token = environment.get("OPWEAVE_CODE_SERVER_TOKEN")
        self.port = self._port(port_file)

    def _port(self, file: Path) -> int:
        while not file.exists():
            assert self._goes_on(), self.output.read_text()
        return int(file.read_text())

    def _goes_on(self) -> bool:
        """Give the server a moment; return whether it still runs."""
        try:
            self.process.wait(0.02)
        except subprocess.TimeoutExpired:
            return True
        return False

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Send one request; return status and reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def health(self) -> tuple[int, dict[str, Any]]:
        return self.ask("GET", "/v1/health")

    def wait_for(self, state: str) -> dict[str, Any]:
        """Ask until the server is in *state*; a connection that breaks belongs to a process that has just died."""
        health: dict[str, Any] = {}
        while health.get("state") != state:
            assert self._goes_on(), self.output.read_text()
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                _, health = self.health()
        return health

    def post(self, path: str, message: object) -> tuple[int, Any]:
        return self.ask("POST", path, json.dumps(message).encode())

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)
