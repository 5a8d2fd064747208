"""``opweave dev`` as a process: what it says, how it ends, and that steps and runs outlive its death."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from opweave_operator.adapters.local import processes
from support.local_instance import (
    Instance,
    command_environment,
    kill_instance,
    opweave,
    start_instance,
    stop_instance,
)

CODE = """
import os, time
from opweave import Definitions, job, op

@op(config_schema={"log": str, "until": str})
def slow(context):
    with open(context.op_config["log"], "a") as file:
        file.write("began\\n")
    while not os.path.exists(context.op_config["until"]):
        time.sleep(0.02)
    return 1

@op
def after(value):
    return value

@job
def waits():
    after(slow())

defs = Definitions(jobs=[waits])
"""

MANIFESTS = """
apiVersion: v1
kind: ConfigMap
metadata: {{name: code}}
data:
  definitions.py: |
{code}
---
apiVersion: opweave.dev/v1alpha1
kind: CodeLocation
metadata: {{name: quick}}
spec: {{source: {{configMap: {{name: code}}}}}}
---
apiVersion: opweave.dev/v1alpha1
kind: Job
metadata: {{name: wait-once}}
spec:
  codeLocation: quick
  job: waits
  runConfig: {{ops: {{slow: {{config: {{log: "{log}", until: "{until}"}}}}}}}}
---
apiVersion: opweave.dev/v1alpha1
kind: Schedule
metadata: {{name: daily}}
spec: {{job: wait-once, cron: "0 6 * * *"}}
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "shop.py"
    file.write_text(CODE, encoding="utf-8")
    return file


def launch(instance: Instance, log: Path, until: Path) -> str:
    config = json.dumps({"ops": {"slow": {"config": {"log": str(log), "until": str(until)}}}})
    done = instance.run("job", "launch", "waits", "-o", "json", "--config-json", config)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["runId"])


def wait_until_running(instance: Instance, run_id: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "opweave", "run", "wait", run_id],
        stdout=subprocess.PIPE,
        text=True,
        env=command_environment(OPWEAVE_URL=instance.url, PYTHONUNBUFFERED="1"),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:3] == ["slow", "▸", "RUNNING"]:
            break
    process.kill()
    process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize("is_friendly", [True, False])
def test_a_run_outlives_the_orchestrator(tmp_path: Path, code: Path, is_friendly: bool) -> None:
    """Ctrl-C or SIGKILL in the middle of a step: the next start finds the process, the run succeeds, nothing ran twice."""
    home, port = tmp_path / "home", free_port()
    log, until = tmp_path / "log", tmp_path / "until"
    first = start_instance(home, "-f", str(code), port=port)
    run_id = launch(first, log, until)
    wait_until_running(first, run_id)
    if is_friendly:
        assert stop_instance(first) == 0
        assert "steps that were running go on" in first.lines[-1]
    else:
        kill_instance(first)
    second = start_instance(home, "-f", str(code), port=port)
    try:
        until.write_text("")
        waited = second.run("run", "wait", run_id)
        shown = json.loads(second.run("run", "show", run_id, "-o", "json").stdout)
    finally:
        stop_instance(second)

    assert waited.returncode == 0, waited.stdout
    assert log.read_text() == "began\n"
    assert [len(step["attempts"]) for step in shown["steps"]] == [1, 1]


def test_a_step_that_ended_meanwhile_is_told_by_what_it_left(tmp_path: Path, code: Path) -> None:
    """The step ends while nobody listens: its outcome is not lost, and it is not run again."""
    home, port = tmp_path / "home", free_port()
    log, until = tmp_path / "log", tmp_path / "until"
    first = start_instance(home, "-f", str(code), port=port)
    run_id = launch(first, log, until)
    wait_until_running(first, run_id)
    kill_instance(first)
    until.write_text("")
    steps = list(processes.with_environment("OPWEAVE_RUN_ID", run_id))
    assert steps
    second = start_instance(home, "-f", str(code), port=port)
    try:
        waited = second.run("run", "wait", run_id)
    finally:
        stop_instance(second)

    assert waited.returncode == 0, waited.stdout
    assert log.read_text() == "began\n"


def test_serves_the_manifests_of_a_cluster(tmp_path: Path) -> None:
    """A location from a ConfigMap and a declared job with its config run from the same YAML as on a cluster."""
    log, until = tmp_path / "log", tmp_path / "until"
    until.write_text("")
    text = "".join(f"    {line}\n" for line in CODE.splitlines())
    (tmp_path / "m.yaml").write_text(
        MANIFESTS.format(code=text, log=log, until=until), encoding="utf-8"
    )
    instance = start_instance(tmp_path / "home", "-f", str(tmp_path / "m.yaml"))
    try:
        done = instance.run("job", "launch", "wait-once", "--follow", "-o", "json")
        listed = json.loads(instance.run("job", "list", "-o", "json").stdout)
    finally:
        stop_instance(instance)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["jobResource"] == "wait-once"
    assert [job["declaredAs"] for job in listed] == [["wait-once"]]


def test_shows_the_traceback_of_a_location_that_cannot_be_loaded(tmp_path: Path) -> None:
    """The line says failed, the error and its place; the user's traceback follows; everything else goes on."""
    (tmp_path / "bad.py").write_text(
        "def f():\n    raise ValueError('bad definitions')\nf()\n", encoding="utf-8"
    )
    instance = start_instance(tmp_path / "home", "-f", str(tmp_path / "bad.py"))
    try:
        shown = instance.run("location", "show", "bad")
        launched = instance.run("job", "launch", "x", "-l", "bad")
    finally:
        stop_instance(instance)

    [line] = [line for line in instance.lines if line.startswith("location bad")]
    assert "ValueError: bad definitions" in line
    assert "bad.py:2" in line
    assert "in f" in shown.stdout
    assert launched.returncode in (3, 5)


def test_one_orchestrator_per_home(tmp_path: Path, code: Path) -> None:
    """A second one over the same home is refused and names the first."""
    home = tmp_path / "home"
    first = start_instance(home, "-f", str(code))
    try:
        second = opweave("dev", "-f", str(code), "--home", str(home), "--port", "0")
    finally:
        code_of_first = stop_instance(first)

    assert second.returncode == 2
    assert not second.stdout
    assert f"(process {first.process.pid})" in second.stderr
    assert code_of_first == 0


def test_a_taken_port_is_told(tmp_path: Path, code: Path) -> None:
    """The address in use is named in an error of one sentence, before anything else is said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = opweave("dev", "-f", str(code), "--home", str(tmp_path / "home"), "--port", port)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "choose another port with --port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_an_address_of_another_machine_is_told(tmp_path: Path, code: Path) -> None:
    """Listening on it cannot work; the error names it and the flags."""
    done = opweave("dev", "-f", str(code), "--home", str(tmp_path / "home"), "--host", "192.0.2.1")
    assert done.returncode == 2
    assert "cannot listen on 192.0.2.1:3000" in done.stderr
    assert "--host" in done.stderr


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path, code: Path) -> None:
    """The error names the home and the ways to choose another, before anything else is said."""
    (tmp_path / "file").write_text("")
    for home in ("/proc/opweave", tmp_path / "file" / "home"):
        done = opweave("dev", "-f", str(code), "--home", str(home), "--port", "0")
        assert done.returncode == 2
        assert f"the home {home} cannot be made" in done.stderr
        assert "--home" in done.stderr
        assert "OPWEAVE_HOME" in done.stderr
        assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "has no workspace.yaml"),
        (["-f", "nope.py"], "nope.py"),
        (["-f", "empty.yaml"], "no document has apiVersion"),
        (["-w", "empty.yaml"], "load_from"),
    ],
)
def test_says_what_to_load_when_nothing_is_found(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Without anything to serve it ends at once and says what to give it."""
    (tmp_path / "empty.yaml").write_text("a: 1\n", encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "opweave",
            "dev",
            "--home",
            str(tmp_path / "home"),
            "--port",
            "0",
            *arguments,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=command_environment(),
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_shows_and_migrates_an_instance(tmp_path: Path, code: Path) -> None:
    """The database of a home can be looked at and migrated without a server."""
    home = tmp_path / "home"
    missing = opweave("instance", "show", "--home", str(home))
    stop_instance(start_instance(home, "-f", str(code)))
    migrated = opweave("instance", "migrate", "--home", str(home))
    shown = opweave("instance", "show", "--home", str(home))

    assert missing.returncode == 2
    assert (0, 0) == (migrated.returncode, shown.returncode), migrated.stderr + shown.stderr
    assert "local/shop" in shown.stdout
    assert not os.environ.get("OPWEAVE_HOME")


TICKING = """
from opweave import DefaultSensorStatus, Definitions, RunRequest, job, op, sensor

@op
def work(): ...

@job
def report():
    work()

@sensor(job=report, minimum_interval_seconds=1, default_status=DefaultSensorStatus.RUNNING)
def counts(context):
    number = int(context.cursor or 0) + 1
    context.update_cursor(str(number))
    return RunRequest(run_key=str(min(number, 2)), tags={"number": str(number)})

defs = Definitions(sensors=[counts])
"""


def test_a_sensor_in_code_launches_a_run_for_each_key(tmp_path: Path) -> None:
    """Its cursor moves on, also over a restart; a key that was used launches nothing."""
    file, home = tmp_path / "shop.py", tmp_path / "home"
    file.write_text(TICKING, encoding="utf-8")
    for wanted in (1, 2):
        instance = start_instance(home, "-f", str(file))
        try:
            runs: list[dict[str, str]] = []
            while len(runs) < wanted:
                runs = json.loads(instance.run("run", "list", "-o", "json").stdout)
            waited = [instance.run("run", "wait", run["runId"]) for run in runs]
        finally:
            kill_instance(instance)
        assert {done.returncode for done in waited} == {0}
    assert len(runs) == 2


def test_the_command_line_starts_stops_and_shows_a_sensor(tmp_path: Path) -> None:
    """One that is stopped by default; its ticks and its cursor are shown, and the cursor is set."""
    file = tmp_path / "shop.py"
    file.write_text(TICKING.replace("RUNNING", "STOPPED"), encoding="utf-8")
    instance = start_instance(tmp_path / "home", "-f", str(file))
    try:
        before = json.loads(instance.run("sensor", "list", "-o", "json").stdout)
        started = instance.run("sensor", "start", "counts")
        ticks: list[dict[str, str]] = []
        while not ticks:
            ticks = json.loads(instance.run("sensor", "ticks", "counts", "-o", "json").stdout)
        stopped = instance.run("sensor", "stop", "counts")
        instance.run("sensor", "cursor", "counts", "--set", "70")
        cursor = instance.run("sensor", "cursor", "counts")
        unknown = instance.run("sensor", "start", "count")
    finally:
        kill_instance(instance)

    assert [(s["name"], s["isRunning"]) for s in before] == [("counts", False)]
    assert started.stdout.strip() == "sensor counts is running"
    assert ticks[0]["status"] == "SUCCESS"
    assert stopped.stdout.strip() == "sensor counts is stopped"
    assert int(cursor.stdout) in (70, 71)
    assert (unknown.returncode != 0, "there is no sensor 'count'" in unknown.stderr) == (True, True)


def test_the_command_line_shows_a_declared_schedule(tmp_path: Path) -> None:
    """Its next times; whether it ticks is the manifest's word."""
    manifests = MANIFESTS.format(
        code="".join(f"    {line}\n" for line in CODE.splitlines()), log="l", until="u"
    )
    (tmp_path / "m.yaml").write_text(manifests, encoding="utf-8")
    instance = start_instance(tmp_path / "home", "-f", str(tmp_path / "m.yaml"))
    try:
        listed = json.loads(instance.run("schedule", "list", "-o", "json").stdout)
        preview = instance.run("schedule", "preview", "daily")
        refused = instance.run("schedule", "stop", "daily")
    finally:
        kill_instance(instance)

    [daily] = listed
    assert (daily["crons"], daily["jobResource"], daily["isRunning"]) == (
        ["0 6 * * *"],
        "wait-once",
        True,
    )
    assert [line[11:16] for line in preview.stdout.splitlines()] == ["06:00"] * 10
    assert "set its spec.suspend to true" in refused.stderr
