"""The record that each worker has on disk, so that a restart finds the processes that it left running.

A directory per attempt under the instance's home holds ``record.json``, the termination message and what the step
process itself printed. A record is written before its process starts: whatever moment the orchestrator dies at, no
process of ours runs without one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.adapters.local.processes import ProcessIdentity
from opweave_operator.core import model

_LONGEST_NAME = 200
"""File systems allow 255 bytes; the attempt's number and temporary suffixes need some."""
_STDERR_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A worker as it stands on disk.

    Attributes:
        worker_id: Random; also in the environment of the process, by which one without a pid here is found.
        process: None until the process has started.
        is_released: Its outcome is recorded; the directory goes when the process has ended.
        ended_at: None while it runs or may run.
        exit_code: None while it runs, and when it ended while nobody watched.
    """

    ref: ports.AttemptRef
    worker_id: str
    created_at: datetime
    process: ProcessIdentity | None = None
    is_stopping: bool = False
    is_released: bool = False
    ended_at: datetime | None = None
    exit_code: int | None = None


class WorkerDirectory:
    """The directory of one attempt."""

    def __init__(self, root: Path, ref: ports.AttemptRef) -> None:
        self.path = root / _file_name(ref.run_id) / f"{_file_name(ref.step_key)}.{ref.number}"

    @property
    def termination_log(self) -> Path:
        """Where the step leaves its termination message."""
        return self.path / "termination.json"

    @property
    def stdout(self) -> Path:
        """What the step process printed."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """What the step process printed to standard error."""
        return self.path / "stderr.log"

    def write(self, record: WorkerRecord) -> None:
        """Store *record* whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.path / "record.json.new"
        temporary.write_text(json.dumps(_to_json(record)), encoding="utf-8")
        temporary.replace(self.path / "record.json")

    def termination_message(self) -> str:
        """Return what the step left behind; empty when nothing."""
        try:
            with self.termination_log.open("rb") as file:
                data = file.read(wire_attempt.MAX_TERMINATION_MESSAGE_BYTES)
        except OSError:
            return ""
        return data.decode("utf-8", errors="replace")

    def stderr_tail(self) -> str:
        """Return the last lines of standard error, for an end that nothing else explains."""
        try:
            with self.stderr.open("rb") as file:
                file.seek(max(0, self.stderr.stat().st_size - _STDERR_TAIL_BYTES))
                return file.read().decode("utf-8", errors="replace").strip()
        except OSError:
            return ""

    def remove(self) -> None:
        """Forget the worker; that of the run too when it was its last."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()


def stored_records(root: Path) -> Iterator[WorkerRecord]:
    """Yield all readable records under *root*; a damaged one is as good as none and goes with its directory."""
    for path in sorted(root.glob("*/*/record.json")):
        try:
            record = _from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(path.parent, ignore_errors=True)
            continue
        yield record


def _file_name(text: str) -> str:
    name = urllib.parse.quote(text, safe="")
    if len(name) > _LONGEST_NAME:
        name = name[:100] + "-" + hashlib.sha256(text.encode()).hexdigest()
    return name if name.strip(".") else f"%{name}"


def _to_json(record: WorkerRecord) -> dict[str, Any]:
    process = record.process
    return {
        "runId": record.ref.run_id,
        "stepKey": record.ref.step_key,
        "attempt": record.ref.number,
        "workerId": record.worker_id,
        "createdAt": record.created_at.isoformat(),
        "process": {"pid": process.pid, "began": process.began} if process else None,
        "isStopping": record.is_stopping,
        "isReleased": record.is_released,
        "endedAt": record.ended_at.isoformat() if record.ended_at else None,
        "exitCode": record.exit_code,
    }


def _from_json(data: Any) -> WorkerRecord:
    process = data["process"]
    return WorkerRecord(
        ref=ports.AttemptRef(
            run_id=model.RunId(str(data["runId"])),
            step_key=model.StepKey(str(data["stepKey"])),
            number=int(data["attempt"]),
        ),
        worker_id=str(data["workerId"]),
        created_at=datetime.fromisoformat(data["createdAt"]),
        process=ProcessIdentity(pid=int(process["pid"]), began=str(process["began"]))
        if process
        else None,
        is_stopping=bool(data["isStopping"]),
        is_released=bool(data["isReleased"]),
        ended_at=datetime.fromisoformat(data["endedAt"]) if data["endedAt"] else None,
        exit_code=None if data["exitCode"] is None else int(data["exitCode"]),
    )
