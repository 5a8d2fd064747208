"""The smallest example runs, with and without config."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
RUN = """
import json, sys
import definitions

job = definitions.defs.get_job_def("hello")
print(job.execute_in_process(run_config=json.loads(sys.argv[1])).output_for_node("greet"))
"""


@pytest.mark.parametrize(
    ("run_config", "greeting"),
    [({}, "Hello, world!"), ({"ops": {"name": {"config": {"name": "Ōsaka"}}}}, "Hello, Ōsaka!")],
)
def test_hello_greets(run_config: dict[str, Any], greeting: str) -> None:
    paths = os.pathsep.join([str(ROOT / "examples" / "quickstart"), str(ROOT / "runtime")])

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, json.dumps(run_config)],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == greeting
