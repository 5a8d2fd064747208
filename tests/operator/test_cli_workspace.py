"""A workspace whose code server runs already: its steps run as the server's own code does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.local_instance import command_environment, start_instance, stop_instance

LIMIT_SECONDS = 60
PROGRAM = "from opweave.cli import main; main()"
CODE = """
from opweave import Definitions, job, op

@op
def hello() -> int:
    return 1

@job
def greet():
    hello()

defs = Definitions(jobs=[greet])
"""


@pytest.fixture
def code_server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "shop.py").write_text(CODE, encoding="utf-8")
    port_file = tmp_path / "port"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", PROGRAM, "code-server", "start"),
            *("-f", "shop.py", "--port", "0", "--port-file", str(port_file)),
        ],
        cwd=tmp_path / "elsewhere",
        env=command_environment(),
        stdin=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + LIMIT_SECONDS
    while not port_file.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.02)
    yield process
    process.terminate()
    process.wait(LIMIT_SECONDS)


def test_serves_what_runs_already(tmp_path: Path, code_server: subprocess.Popen[bytes]) -> None:
    """A run succeeds with the code of the server's own directory; the server's end is told with the cure."""
    port = (tmp_path / "port").read_text().strip()
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(
        f"load_from: [code_server: {{port: {port}, location_name: shop}}]", encoding="utf-8"
    )
    instance = start_instance(tmp_path / "home", "-w", str(workspace))
    try:
        done = instance.run("job", "launch", "greet", "--follow")
        assert done.returncode == 0, done.stdout + done.stderr
        code_server.terminate()
        code_server.wait(LIMIT_SECONDS)
        deadline = time.monotonic() + LIMIT_SECONDS
        failure = None
        while failure is None:
            assert time.monotonic() < deadline
            shown = json.loads(instance.run("location", "show", "shop", "-o", "json").stdout)
            failure = shown["loadFailure"]
        assert failure["reason"] == "NotReachable"
        assert "opweave code-server start" in failure["message"]
        assert instance.run("job", "launch", "greet").returncode == 5
    finally:
        stop_instance(instance)
