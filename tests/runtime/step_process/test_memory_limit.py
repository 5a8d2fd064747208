"""Kills for memory, told by the control group's counter."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from opweave.step_process.memory_limit import OomCounter
from opweave.step_process.verdict import judge_end
from opweave.wire.attempt import FailureKind


def group(tmp_path: Path, membership: str, directory: str, file: str, kills: int) -> Path:
    (tmp_path / "membership").write_text(membership)
    place = tmp_path / "fs" / directory
    place.mkdir(parents=True, exist_ok=True)
    (place / file).write_text(f"low 0\noom 9\noom_kill {kills}\n")
    return place


LAYOUTS = [
    ("0::/\n", "", "memory.events"),
    ("0::/kubepods/pod1\n", "kubepods/pod1", "memory.events"),
    ("5:memory:/kubepods/pod1\n", "memory/kubepods/pod1", "memory.oom_control"),
    ("5:cpu,memory:/host/path\n", "memory", "memory.oom_control"),
]


@pytest.mark.parametrize(("membership", "directory", "file"), LAYOUTS)
def test_a_kill_is_seen_in_every_layout(
    tmp_path: Path, membership: str, directory: str, file: str
) -> None:
    """Version 2 and 1, at the root of a container or by the host's path."""
    group(tmp_path, membership, directory, file, 2)
    counter = OomCounter(str(tmp_path / "membership"), str(tmp_path / "fs"))
    assert not counter.has_risen()
    group(tmp_path, membership, directory, file, 3)
    assert counter.has_risen()


def test_a_kill_for_memory_names_the_limit_and_the_cure(tmp_path: Path) -> None:
    """It is charged to the infrastructure, which may try again with more."""
    place = group(tmp_path, "0::/\n", "", "memory.events", 0)
    (place / "memory.max").write_text("536870912\n")
    counter = OomCounter(str(tmp_path / "membership"), str(tmp_path / "fs"))
    group(tmp_path, "0::/\n", "", "memory.events", 1)
    failure = judge_end(signal.SIGKILL, counter)
    assert failure.reason == "OOMKilled"
    assert failure.kind is FailureKind.INFRASTRUCTURE
    assert "512 MiB" in failure.message


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (3 << 8, "ProcessExited", FailureKind.USER_CODE),
        (0, "ProcessExited", FailureKind.USER_CODE),
        (signal.SIGSEGV, "ProcessKilled", FailureKind.USER_CODE),
        (signal.SIGKILL, "ProcessKilled", FailureKind.INFRASTRUCTURE),
        (signal.SIGRTMIN + 1, "ProcessKilled", FailureKind.INFRASTRUCTURE),
    ],
)
def test_other_ends_are_told_apart(
    tmp_path: Path, status: int, reason: str, kind: FailureKind
) -> None:
    """By exit code and signal."""
    counter = OomCounter(str(tmp_path / "none"), str(tmp_path))
    failure = judge_end(int(status), counter)
    assert (failure.reason, failure.kind) == (reason, kind)
    assert failure.exit_code == os.waitstatus_to_exitcode(int(status))
