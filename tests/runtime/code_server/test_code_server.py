"""A real code server: what it answers, and what code at import can do to it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from code_servers import CodeServerProcess

from opweave.wire.codec import decode
from opweave.wire.location import LocationHealth, LocationSnapshot, PlanReply

Serve = Callable[..., CodeServerProcess]

SHOP = """\
from opweave import Definitions, job, op

@op(config_schema={"max_rows": int})
def clean(context): ...

@op
def report(rows): ...

@job
def daily(): report(clean())

@job
def empty(): report(rows=clean.alias("other")())

defs = Definitions(jobs=[daily, empty])
"""
GOOD_CONFIG = {"ops": {"clean": {"config": {"max_rows": 5}}}}


def test_a_location_tells_what_it_defines(serve: Serve) -> None:
    """Snapshot and health agree on the hash."""
    server = serve(SHOP)
    health = decode(LocationHealth, server.wait_for("READY"))
    status, reply = server.ask("GET", "/v1/snapshot")
    snapshot = decode(LocationSnapshot, reply)
    assert status == 200
    assert [job.name for job in snapshot.jobs] == ["daily", "empty"]
    assert snapshot.definitions_hash == health.definitions_hash != ""
    assert server.health()[0] == 200


def test_a_server_tells_how_its_code_is_run(serve: Serve) -> None:
    """Whoever starts steps beside a server that it did not start itself needs nothing else."""
    server = serve(SHOP)
    server.wait_for("READY")
    status, worker = server.ask("GET", "/v1/worker")
    assert (200, sys.executable) == (status, worker["python"])
    assert ["--file", str(Path(worker["working_directory"]) / "shop.py")] == worker["arguments"][:2]


def test_a_plan_is_made_from_good_config(serve: Serve) -> None:
    """Steps in order."""
    server = serve(SHOP)
    server.wait_for("READY")
    status, reply = server.post("/v1/plan", {"job": "daily", "run_config": GOOD_CONFIG})
    plan = decode(PlanReply, reply).plan
    assert status == 200
    assert plan is not None
    assert [step.key for step in plan.steps] == ["clean", "report"]


def test_every_problem_of_a_config_is_told_at_once(serve: Serve) -> None:
    """With its path; a problem is an answer, not an error."""
    server = serve(SHOP)
    server.wait_for("READY")
    wrong = {"ops": {"clean": {"config": {"max_row": 1}}, "nothing": {}}}
    status, reply = server.post("/v1/plan", {"job": "daily", "run_config": wrong})
    assert status == 200
    paths = [problem.path for problem in decode(PlanReply, reply).problems]
    assert ("ops", "clean", "config", "max_row") in paths
    assert ("ops", "nothing") in paths


def test_an_unknown_job_is_told_with_the_nearest(serve: Serve) -> None:
    """And with those that there are."""
    server = serve(SHOP)
    server.wait_for("READY")
    _, reply = server.post("/v1/plan", {"job": "dayly"})
    assert "no job 'dayly'; did you mean daily? (its jobs: daily, empty)" in reply["message"]


def test_an_example_config_can_be_asked_for(serve: Serve) -> None:
    """As YAML with what must be filled in."""
    server = serve(SHOP)
    server.wait_for("READY")
    status, reply = server.post("/v1/scaffold-config", {"job": "daily"})
    assert status == 200
    assert "max_rows" in reply["yaml"]


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (
            "print('hello')\nimport no_such_module\n",
            "ImportFailed",
            "ModuleNotFoundError: No module named 'no_such_module'  (shop.py:2)",
        ),
        ("print('hello')\nimport sys\nsys.exit(4)\n", "ImportFailed", "SystemExit: 4; code"),
        ("print('hello')\nimport os\nos._exit(4)\n", "ImportFailed", "exit code 4"),
        (
            "print('hello')\nimport os\nos.kill(os.getpid(), 11)\n",
            "ImportFailed",
            "killed by SIGSEGV",
        ),
        ("print('hello')\n", "NoDefinitions", "add `defs = Definitions"),
        (
            "print('hello')\n" + SHOP + "Definitions(jobs=[daily, daily.graph.to_job()])\n",
            "DefinitionInvalid",
            "daily",
        ),
    ],
)
def test_code_that_cannot_be_loaded_is_reported(
    serve: Serve, code: str, reason: str, message: str
) -> None:
    """With reason, line and the end of what it printed; the server goes on answering."""
    server = serve(code)
    health = server.wait_for("FAILED")
    assert health["failure"]["reason"] == reason
    assert message in health["failure"]["message"]
    assert "hello\n" in health["failure"]["output"]
    assert server.health()[0] == 503
    assert server.ask("GET", "/v1/live")[0] == 200
    assert server.post("/v1/plan", {"job": "daily"})[0] == 503
    assert "hello\n" in server.output.read_text()


def test_a_hang_at_import_is_reported_and_may_end(serve: Serve, tmp_path: Path) -> None:
    """The stack shows where it stands; when it ends after all, the location serves."""
    go = tmp_path / "go"
    os.mkfifo(go)
    server = serve(
        f"def wait():\n    open({str(go)!r}).read()\nwait()\n" + SHOP, "--load-timeout", "0.3"
    )
    failure = server.wait_for("FAILED")["failure"]
    assert failure["reason"] == "LoadTimedOut"
    assert failure["message"].endswith("(shop.py:2)")
    assert "in wait" in failure["traceback"]
    go.write_text("")
    server.wait_for("READY")


def test_ten_megabytes_printed_at_import_harm_nobody(serve: Serve) -> None:
    """They are all in the log, and the end of them in a failure."""
    server = serve("print('x' * 10_000_000)\nprint('end')\nraise ValueError\n")
    failure = server.wait_for("FAILED")["failure"]
    assert failure["output"].endswith("x\nend\n")
    assert len(failure["output"]) <= 4096
    assert server.output.stat().st_size > 10_000_000


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v2/health", None, 404, "NotFound"),
        ("POST", "/v1/live", b"{}", 404, "NotFound"),
        ("POST", "/v1/plan", b"{", 400, "Malformed"),
        ("POST", "/v1/plan", b"[]", 400, "Malformed"),
        ("POST", "/v1/plan", b'{"job": 5}', 400, "Malformed"),
        ("POST", "/v1/plan", b"[" * 100_000, 400, "Malformed"),
    ],
)
def test_bad_requests_are_refused_in_words(
    serve: Serve, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    """And the server goes on."""
    server = serve(SHOP)
    server.wait_for("READY")
    found, reply = server.ask(method, path, body)
    assert (found, reply["code"]) == (status, code)
    assert server.health()[0] == 200


def test_a_body_that_is_too_large_is_not_read(serve: Serve) -> None:
    """Its announced length is enough."""
    server = serve(SHOP)
    server.wait_for("READY")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /v1/plan HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_user_code_that_raises_while_planning_is_a_reply(serve: Serve) -> None:
    """With the user's traceback; not the end of the process, even for SystemExit."""
    code = SHOP.replace(
        "defs = ", "import opweave.execution.plan as p\ndef build_plan(*a): raise SystemExit(9)\n"
        "p.build_plan = build_plan\ndefs = "
    )  # fmt: skip
    server = serve(code)
    server.wait_for("READY")
    status, reply = server.post("/v1/plan", {"job": "daily"})
    assert status == 500
    assert reply["message"] == "SystemExit: 9"
    assert "shop.py" in reply["traceback"]
    assert server.health()[0] == 200


def test_only_the_holder_of_the_token_is_answered(serve: Serve) -> None:
    """Probes need none."""
    server = serve(SHOP, OPWEAVE_CODE_SERVER_TOKEN="secret")
    server.wait_for("READY")
    assert server.ask("GET", "/v1/snapshot")[0] == 401
    assert server.ask("GET", "/v1/snapshot", Authorization="Bearer wrong")[0] == 401
    assert server.ask("GET", "/v1/snapshot", Authorization="Bearer secret")[0] == 200


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (SHOP, "READY"),
        ("import time\ntime.sleep(60)\n", "LOADING"),
        ("raise ValueError\n", "FAILED"),
        ("import os\nos._exit(1)\n", "FAILED"),
    ],
)
def test_a_server_ends_when_told_to(serve: Serve, code: str, state: str) -> None:
    """Ready, loading, failed, or standing in for a dead one."""
    server = serve(code)
    server.wait_for(state)
    assert server.stop() == 0


def test_a_server_that_served_and_died_ends_with_its_code(serve: Serve) -> None:
    """So that whoever started it may start it again."""
    code = SHOP + "import os, threading\n"
    code += "from pathlib import Path\nPath('pid').write_text(str(os.getpid()))\n"
    server = serve(code)
    server.wait_for("READY")
    os.kill(int((server.output.parent / "pid").read_text()), signal.SIGKILL)
    assert server.process.wait(10) == 128 + signal.SIGKILL


def test_a_local_server_ends_with_its_parent(tmp_path: Path) -> None:
    """`--watch-parent` outlives no terminal that was closed."""
    (tmp_path / "shop.py").write_text(SHOP)
    parent = (
        "import os, subprocess, sys, time\n"
        "server = subprocess.Popen([sys.executable, '-m', 'opweave', 'code-server', '--file', 'shop.py',\n"
        "    '--port', '0', '--port-file', 'port', '--watch-parent', str(os.getpid())])\n"
        "while not os.path.exists('port'): time.sleep(0.01)\n"
        "print(server.pid)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", parent], cwd=tmp_path, stdout=subprocess.PIPE, check=True, timeout=60
    )
    try:
        end = os.pidfd_open(int(found.stdout))
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(end, select.POLLIN)
    assert poll.poll(10_000)
    os.close(end)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "exactly one of --module"),
        (["--module", "x", "--port", "99999"], "--port must be a number from 0 to 65535"),
        (["--module", "x", "--nonsense", "1"], "unknown option '--nonsense'"),
        (["--module", "x", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1 port 4000"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: list[str], text: str) -> None:
    """With what would be right."""
    command = [sys.executable, "-m", "opweave", "code-server", *arguments]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert text in ended.stderr.decode()
