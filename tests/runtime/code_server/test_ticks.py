"""Evaluations in a process of their own: whatever user code does, the server answers and goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest
from code_servers import CodeServerProcess

CODE = """
import os, signal, subprocess, sys, time
import opweave as ow

@ow.op
def work(): ...

@ow.job
def report(): work()

count = 0

@ow.sensor(job=report)
def counts(context):
    global count
    count += 1
    return ow.RunRequest(run_key=str(count))

@ow.sensor(job=report)
def hangs():
    time.sleep(3600)

@ow.sensor(job=report)
def ignores():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: pass

@ow.sensor(job=report)
def dies():
    os._exit(3)

@ow.sensor(job=report)
def leaves():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], close_fds=False)
    return ow.SkipReason("left one behind")

@ow.sensor(job=report)
def floods():
    return [ow.RunRequest(run_key=str(n)) for n in range(10_000)]

@ow.schedule("@daily", job=report)
def daily(context):
    return ow.RunRequest(tags={"at": context.scheduled_execution_time.isoformat()})

defs = ow.Definitions(
    schedules=[daily], sensors=[counts, hangs, ignores, dies, leaves, floods], jobs=[report]
)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CodeServerProcess]:
    started = CodeServerProcess(tmp_path, CODE)
    started.wait_for("READY")
    yield started
    started.stop()


def sensor_tick(server: CodeServerProcess, name: str, seconds: int = 30) -> dict[str, Any]:
    status, reply = server.post("/v1/sensor-tick", {"sensor": name, "timeout_seconds": seconds})
    assert status == 200, reply
    return dict(reply)


def test_a_schedule_is_evaluated_for_its_time(server: CodeServerProcess) -> None:
    request = {"schedule": "daily", "scheduled_at": "2026-03-01T00:00:00+00:00"}
    _, reply = server.post("/v1/schedule-tick", request)
    assert reply["run_requests"][0]["tags"] == {"at": "2026-03-01T00:00:00+00:00"}


def test_the_snapshot_tells_of_schedules_and_sensors(server: CodeServerProcess) -> None:
    _, snapshot = server.ask("GET", "/v1/snapshot")
    [daily] = snapshot["schedule_details"]
    assert (daily["crons"], daily["jobs"]) == (["@daily"], ["report"])
    assert snapshot["schedules"] == ["daily"]
    assert len(snapshot["sensor_details"]) == 6


def test_an_evaluation_leaves_no_trace_in_the_next(server: CodeServerProcess) -> None:
    """What it leaks is gone with its process."""
    found = [sensor_tick(server, "counts")["run_requests"][0]["run_key"] for _ in range(3)]
    assert found == ["1", "1", "1"]


@pytest.mark.parametrize(
    ("name", "reason", "told"),
    [
        ("hangs", "TimedOut", "longer than 1 s"),
        ("ignores", "TimedOut", "longer than 1 s"),
        ("dies", "Crashed", "exit code 3"),
        ("count", "NotFound", "did you mean counts"),
    ],
)
def test_trouble_is_told_and_the_server_goes_on(
    server: CodeServerProcess, name: str, reason: str, told: str
) -> None:
    failure = sensor_tick(server, name, 1)["failure"]
    assert failure["reason"] == reason
    assert told in failure["message"]
    assert sensor_tick(server, "counts")["failure"] is None


def test_a_process_that_is_left_behind_holds_up_nothing(server: CodeServerProcess) -> None:
    began = time.monotonic()
    assert sensor_tick(server, "leaves")["skip_reason"] == "left one behind"
    assert time.monotonic() - began < 20


def test_ten_thousand_runs_are_one_answer(server: CodeServerProcess) -> None:
    assert len(sensor_tick(server, "floods")["run_requests"]) == 10_000


def test_a_sensor_that_hangs_delays_no_other(server: CodeServerProcess) -> None:
    with futures.ThreadPoolExecutor(4) as threads:
        hanging = [threads.submit(sensor_tick, server, "hangs", 5) for _ in range(3)]
        assert sensor_tick(server, "counts")["run_requests"]
        assert not any(future.done() for future in hanging)
        assert {future.result()["failure"]["reason"] for future in hanging} == {"TimedOut"}
