"""The examples' directories, and an environment with the libraries of the penguins' image."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import layout

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "requirements" / "penguins.txt"


@pytest.fixture(scope="session")
def penguins() -> Path:
    """The directory of the example."""
    return ROOT / "examples" / "penguins"


@pytest.fixture(scope="session")
def raw_table(penguins: Path) -> Path:
    """The raw table that the example ships."""
    return penguins / "data" / "penguins-raw.csv"


@pytest.fixture(scope="session")
def image_python() -> Path:
    """A Python with polars and matplotlib at the versions of the image; installed once into the cache."""
    content = REQUIREMENTS.read_bytes() + sys.version.encode()
    directory = layout.cache() / "examples" / f"penguins-{hashlib.sha256(content).hexdigest()[:16]}"
    directory.parent.mkdir(parents=True, exist_ok=True)
    python = directory / "bin" / "python"
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests may run in several processes
        if not (directory / "complete").exists():
            uv = [sys.executable, "-m", "uv", "--quiet"]
            install = ["pip", "install", "--python", str(python), "--require-hashes", "--no-deps"]
            _run([*uv, "venv", "--clear", "--python", sys.executable, str(directory)])
            _run([*uv, *install, "-r", str(REQUIREMENTS)])
            (directory / "complete").touch()
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(
            f"the libraries of the penguins' image cannot be installed: {done.stderr[-300:]}"
        )


@pytest.fixture(scope="session")
def example_environment(penguins: Path) -> dict[str, str]:
    """Variables of a process that imports the example and the runtime from their sources."""
    paths = os.pathsep.join([str(penguins), str(ROOT / "runtime")])
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
