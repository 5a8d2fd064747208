"""The same on Dagster, installed from the package index into an environment of its own under the cache."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

from figures import row, spread
from processes import environment, seconds_and_cpu

ROUNDS = 7
VERSION = "1.13.27"
CACHE = Path(os.environ.get("OPWEAVE_CACHE") or Path.home() / ".cache" / "opweave")

CHAIN = """
import logging, sys, time
{imports}

@op
def add_one(number: int) -> int:
    return number + 1

@op
def zero() -> int:
    return 0

@job
def chain():
    value = zero()
    for number in range(99):
        value = add_one.alias(f"add_{{number}}")(value)

logging.disable(logging.CRITICAL)
began = time.perf_counter()
result = chain.execute_in_process({options})
print((time.perf_counter() - began) / 100)
assert result.success and result.output_for_node("add_98") == 99
"""

ASSETS = """
import logging, time
from {library} import asset, materialize

def chained(number):
    scope = {{}}
    parameter = f"asset_{{number - 1}}" if number else ""
    exec(f"def asset_{{number}}({{parameter}}): return {{parameter or -1}} + 1", scope)
    return asset(scope[f"asset_{{number}}"])

assets = [chained(number) for number in range(100)]
logging.disable(logging.CRITICAL)
began = time.perf_counter()
result = materialize(assets)
print((time.perf_counter() - began) / 100)
assert result.success and result.output_for_node("asset_99") == 99
"""
"""A chain of 100 assets, each stored and loaded as a file, as both do by default."""

OURS = CHAIN.format(imports="from opweave import job, op", options="")
PEER = CHAIN.format(
    imports="from dagster import DagsterInstance, job, op",
    options="instance=DagsterInstance.ephemeral()",
)


def python() -> Path:
    """Return the interpreter of the peer's environment, made at the first call."""
    directory = CACHE / f"peer-{VERSION}"
    program = directory / "bin" / "python"
    if not (directory / "ready").exists():
        venv.create(directory, with_pip=True)
        install = [program, "-m", "pip", "install", "-q", f"dagster=={VERSION}", "sqlalchemy<2.1"]
        subprocess.run(install, check=True)
        (directory / "ready").touch()
    return program


def import_cost() -> str:
    """Return the row of the two imports."""
    peer = python()
    ours, theirs = [], []
    seconds_and_cpu(str(peer), "-c", "import dagster")
    for _ in range(ROUNDS):
        ours.append(seconds_and_cpu(sys.executable, "-c", "import opweave")[0])
        theirs.append(seconds_and_cpu(str(peer), "-c", "import dagster")[0])
    ratio = statistics.median(ours) / statistics.median(theirs)
    return row("import, beside the peer's", spread(ours), spread(theirs), ratio, "")


def chain_cost() -> str:
    """Return the row of a chain of 100 ops in one process, an op."""
    peer = python()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(1000 * _printed(sys.executable, OURS))
        theirs.append(1000 * _printed(str(peer), PEER))
    ratio = statistics.median(ours) / statistics.median(theirs)
    return row(
        "op of a chain of 100 in process", spread(ours, "ms"), spread(theirs, "ms"), ratio, ""
    )


def asset_chain_cost() -> str:
    """Return the row of a chain of 100 assets by ``materialize``, an asset."""
    peer = python()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(1000 * _printed(sys.executable, ASSETS.format(library="opweave")))
        theirs.append(1000 * _printed(str(peer), ASSETS.format(library="dagster")))
    ratio = statistics.median(ours) / statistics.median(theirs)
    return row(
        "asset of a chain of 100 by materialize",
        spread(ours, "ms"),
        spread(theirs, "ms"),
        ratio,
        "",
    )


def _printed(program: str, code: str) -> float:
    done = subprocess.run(
        [program, "-c", code], check=True, capture_output=True, text=True, env=environment()
    )
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(import_cost())
    print(chain_cost())
    print(asset_chain_cost())
