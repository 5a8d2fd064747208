"""Faults that only this machine can make, where it is the cluster: processes killed from outside."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import testbed
from support.installation import until
from testbed import processes

API_SERVER = "kube-apiserver"


def require_native(cluster: testbed.Cluster) -> None:
    """Skip the test where the cluster's processes are not this machine's."""
    if cluster.provider != "native":
        pytest.skip(f"processes of a {cluster.provider} cluster cannot be killed from here")


def kill_container(pod: dict[str, Any]) -> None:
    """Send SIGKILL to the processes of the pod's only container, and wait until they are gone."""
    (status,) = pod["status"]["containerStatuses"]
    container = status["containerID"].rpartition("//")[2]
    assert container, pod["status"]
    for pid in _processes_of(container):
        os.kill(pid, signal.SIGKILL)
    until("the container's processes to end", lambda: not _processes_of(container))


def _processes_of(container: str) -> list[int]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                groups = (directory / "cgroup").read_text()
            except OSError:
                continue
            if container in groups:
                found.append(int(directory.name))
    return found


def restart_api_server() -> None:
    """Kill the API server as a crash would, and bring the cluster back."""
    processes.stop(API_SERVER, grace_seconds=0)
    testbed.provide()
