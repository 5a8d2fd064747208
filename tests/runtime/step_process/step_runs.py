"""Starts real step processes for tests, each on a file of user code, and ends what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest_double import IngestDouble

PREAMBLE = """\
import os, signal, subprocess, sys, threading, time
from pathlib import Path
from opweave import Definitions, job, op
"""


@dataclass
class Ended:
    """How a step process ended."""

    code: int
    stdout: bytes
    stderr: bytes
    termination: dict[str, Any] | None


class StepRun:
    """One step process."""

    def __init__(self, process: subprocess.Popen[bytes], termination_log: Path) -> None:
        self.process = process
        self._termination_log = termination_log

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def read_until(self, text: bytes) -> None:
        """Read standard error up to the line that holds *text*."""
        assert self.process.stderr is not None
        assert any(text in line for line in self.process.stderr)

    def wait(self, timeout_seconds: float = 60.0) -> Ended:
        stdout, stderr = self.process.communicate(timeout=timeout_seconds)
        left = self._termination_log.read_bytes() if self._termination_log.exists() else b""
        assert len(left) <= 4096
        return Ended(self.process.returncode, stdout, stderr, json.loads(left) if left else None)


class StepRuns:
    """Makes step processes that report to one ingest."""

    def __init__(self, ingest: IngestDouble, directory: Path) -> None:
        self._ingest = ingest
        self._directory = directory
        self._runs: list[StepRun] = []

    def start(
        self,
        body: str,
        *,
        file: str | None = None,
        decorator: str = "@op",
        prefix: Sequence[str] = (),
        **environment: str,
    ) -> StepRun:
        """Start a step whose op ``work`` has the statements *body*; *file* replaces the whole file of user code."""
        code = file or (
            PREAMBLE
            + f"{decorator}\ndef work(context):\n"
            + textwrap.indent(textwrap.dedent(body).strip() or "pass", "    ")
            + "\n@job(name='work')\ndef work_job():\n    work()\n"
            + "defs = Definitions(jobs=[work_job])\n"
        )
        path = self._directory / "user_code.py"
        path.write_text(code)
        termination_log = self._directory / "termination-log"
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "opweave", "step", "--file", str(path)],
            cwd=self._directory,
            env=self._environment(termination_log) | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        run = StepRun(process, termination_log)
        self._runs.append(run)
        return run

    def run(self, body: str, **environment: str) -> Ended:
        """Run a step to its end."""
        return self.start(body, **environment).wait()

    def close(self) -> None:
        """End what a failed test left."""
        for run in self._runs:
            if run.process.poll() is None:
                run.process.kill()
            run.process.wait()
            for pipe in (run.process.stdout, run.process.stderr):
                if pipe is not None:
                    pipe.close()

    def _environment(self, termination_log: Path) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OPWEAVE_")}
        return kept | {
            "OPWEAVE_RUN_ID": "run-1",
            "OPWEAVE_STEP_KEY": "work",
            "OPWEAVE_ATTEMPT": "1",
            "OPWEAVE_API_URL": self._ingest.url,
            "OPWEAVE_TOKEN": self._ingest.token,
            "OPWEAVE_TERMINATION_LOG": str(termination_log),
            "OPWEAVE_HOME": str(self._directory / "home"),
        }
