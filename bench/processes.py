"""What `import opweave` and a step process cost over a bare interpreter; whole processes, in turns."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import row, spread

ROUNDS = 20
ROOT = Path(__file__).resolve().parents[1]

STEP_CODE = """
import resource, os
from opweave import Definitions, job, op

@op
def trivial():
    used = resource.getrusage(resource.RUSAGE_SELF)
    parent = open(f"/proc/{os.getppid()}/stat").read().rsplit(")", 1)[1].split()
    ticks = (int(parent[11]) + int(parent[12])) / os.sysconf("SC_CLK_TCK")
    with open(os.environ["BENCH_OUT"], "a") as out:
        out.write(f"{used.ru_utime + used.ru_stime} {ticks}\\n")

@job
def one():
    trivial()

defs = Definitions(jobs=[one])
"""


def environment() -> dict[str, str]:
    """Return an environment in which bytecode is written and found."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'operator'}"}


def seconds_and_cpu(*command: str) -> tuple[float, float]:
    """Return wall and CPU seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def import_cost() -> str:
    """Return the row of `import opweave`."""
    bare, ours = [], []
    seconds_and_cpu(sys.executable, "-c", "import opweave")
    for _ in range(ROUNDS):
        bare.append(seconds_and_cpu(sys.executable, "-c", "pass")[0])
        ours.append(seconds_and_cpu(sys.executable, "-c", "import opweave")[0])
    over = [1000 * (a - b) for a, b in zip(ours, bare, strict=True)]
    shown = spread(over, "ms over bare", 1)
    return row("`import opweave`", shown, spread([1000 * b for b in bare], "ms", 1), None, "40 ms")


def step_cost() -> str:
    """Return the row of a step process: CPU of supervisor and child from their start to the op's body."""
    from step_peer import serve  # the ingest peer of this bench

    used: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        code = Path(directory) / "defs.py"
        code.write_text(STEP_CODE)
        out = Path(directory) / "out"
        with serve() as url:
            for number in range(ROUNDS + 1):
                subprocess.run(
                    [sys.executable, "-m", "opweave", "step", "--file", str(code)],
                    check=True,
                    env={
                        **environment(),
                        "BENCH_OUT": str(out),
                        "OPWEAVE_RUN_ID": "01jd7q00000000000000000000",
                        "OPWEAVE_STEP_KEY": "trivial",
                        "OPWEAVE_ATTEMPT": str(number + 1),
                        "OPWEAVE_API_URL": url,
                        "OPWEAVE_TOKEN": "bench",
                        "OPWEAVE_HOME": directory,
                        "OPWEAVE_ARTIFACTS": "files",
                        "OPWEAVE_TERMINATION_LOG": str(Path(directory) / "end"),
                    },
                )
        for line in out.read_text().splitlines()[1:]:
            child, parent = map(float, line.split())
            used.append(1000 * (child + parent))
    return row("step process, start to user code, CPU", spread(used, "ms", 0), "", None, "120 ms")


if __name__ == "__main__":
    print(import_cost())
    print(step_cost())
