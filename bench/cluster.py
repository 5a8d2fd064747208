"""Runs on the cluster against bare pods on the same cluster, in turns in one run."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "operator"), str(ROOT / "runtime")]

from figures import row, spread  # noqa: E402

import testbed  # noqa: E402  # found beside the tests
from support import runs  # noqa: E402
from support.installation import Installation, installed  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
NAMESPACE = "opweave-bench"
WORK = "opweave-bench-work"
FLOOR_NAMESPACE = "default"

CODE = """
from opweave import Definitions, In, Nothing, job, op

@op(ins={"after": In(Nothing)})
def trivial():
    pass

@op
def leaf():
    pass

@job
def one():
    leaf()

@job
def chain():
    done = leaf()
    for number in range(9):
        done = trivial.alias(f"step_{number}")(done)

@job
def fan():
    for number in range(20):
        leaf.alias(f"leaf_{number}")()

defs = Definitions(jobs=[one, chain, fan])
"""

SIGNAL = "import socket; socket.create_connection(({host!r}, {port})).close()"


class Floor:
    """Bare pods of the same image that connect to this machine as soon as Python runs in them."""

    def __init__(self, installation: Installation, image: str) -> None:
        self._installation = installation
        self._image = image
        self._count = 0

    def seconds(self, pods: int) -> float:
        """Return the seconds from creating *pods* pods at once to the last one's signal."""
        return asyncio.run(self._measure(pods))

    async def _measure(self, pods: int) -> float:
        from opweave_operator.adapters.kubernetes import client, connection, resources

        heard: asyncio.Queue[float] = asyncio.Queue()

        async def on_connect(_: object, writer: asyncio.StreamWriter) -> None:
            heard.put_nowait(time.perf_counter())
            writer.close()

        host = self._installation.cluster.host_address
        server = await asyncio.start_server(on_connect, host, 0)
        port = server.sockets[0].getsockname()[1]
        link = await connection.connect(self._installation.cluster.kubeconfig)
        async with client.Client(link) as api:
            bodies = [self._pod(host, port) for _ in range(pods)]
            began = time.perf_counter()
            await asyncio.gather(
                *(api.create(resources.PODS, FLOOR_NAMESPACE, body) for body in bodies)
            )
            last = max([await heard.get() for _ in range(pods)])
            for body in bodies:
                await api.delete(
                    resources.PODS, FLOOR_NAMESPACE, body["metadata"]["name"], grace_seconds=0
                )
        server.close()
        return last - began

    def _pod(self, host: str, port: int) -> dict[str, Any]:
        self._count += 1
        code = SIGNAL.format(host=host, port=port)
        container = {
            "name": "bare",
            "image": self._image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", code],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"bare-{time.time_ns()}-{self._count}",
                "namespace": FLOOR_NAMESPACE,
            },
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }


def moment(text: str) -> datetime:
    """Return a moment of the API."""
    return datetime.fromisoformat(text)


def ordered(run: runs.Run) -> list[dict[str, str]]:
    """Return the moments of the only attempt of each step, in order of commit."""
    moments = [step["attempts"][0]["moments"] for step in run.data["steps"]]
    return sorted(moments, key=lambda m: m["committed"])


def seconds(earlier: str, later: str) -> float:
    """Return the seconds between two moments of the API."""
    return (moment(later) - moment(earlier)).total_seconds()


def ended(location: runs.Location, run_id: str) -> runs.Run:
    """Wait for the end of a run without loading the operator as a page with every detail would; return the run."""
    query = "query ($id: ID!) { run(runId: $id) { isFinished } }"
    while not location.installation.graphql(query, id=run_id)["run"]["isFinished"]:
        time.sleep(0.5)
    run = location.run(run_id)
    assert run.status == "SUCCESS", run.data
    return run


def measure(location: runs.Location, floor: Floor) -> list[str]:
    """Return the rows of the table."""
    bare, step, hand_off, single, bare_fan, fan = [], [], [], [], [], []
    phases: dict[str, list[float]] = {}
    location.succeed("one")
    floor.seconds(1)
    for _ in range(ROUNDS):
        bare += [floor.seconds(1) for _ in range(5)]
        chain = ordered(ended(location, location.launch("chain")))
        for earlier, later in zip(chain, chain[1:], strict=False):
            step.append(seconds(earlier["committed"], later["committed"]))
            hand_off.append(1000 * seconds(earlier["committed"], later["created"]))
            for name, (a, b) in {
                "created -> process": ("created", "running"),
                "created -> user code": ("created", "userCode"),
                "user code -> committed": ("userCode", "committed"),
            }.items():
                if later[a] and later[b]:
                    phases.setdefault(name, []).append(seconds(later[a], later[b]))
        began = time.perf_counter()
        run_id = location.launch("one")
        launched = time.perf_counter() - began
        times = location.installation.graphql(
            "query ($id: ID!) { run(runId: $id) { creationTime endTime } }",
            id=ended(location, run_id).id,
        )["run"]
        single.append(launched + seconds(times["creationTime"], times["endTime"]))
        bare_fan.append(floor.seconds(20))
        run = ordered(ended(location, location.launch("fan")))
        fan.append(seconds(min(m["slot"] for m in run), run[-1]["committed"]))
    base = statistics.median(bare)
    rows = [
        row(
            "step on a chain of 10",
            spread(step),
            spread(bare),
            statistics.median(step) / base,
            "2.0",
        ),
        row("report of success -> next pod created", spread(hand_off, "ms", 0), "", None, "50 ms"),
        row("run of one op", spread(single), spread(bare), statistics.median(single) / base, "3.0"),
        row(
            "20 parallel ops",
            spread(fan),
            spread(bare_fan),
            statistics.median(fan) / statistics.median(bare_fan),
            "1.5",
        ),
    ]
    return rows + [
        row(f"phase {name}", spread(values), "", None, "") for name, values in phases.items()
    ]


def idle_memory(installation: Installation) -> str:
    """Return the row of the operator's resident memory."""
    pod = installation.get(
        "pods", "-n", installation.namespace, "-l", "app.kubernetes.io/name=opweave"
    )
    name = pod["items"][0]["metadata"]["name"]
    text = installation.kubectl(
        *("-n", installation.namespace, "exec", name, "--", "cat", "/proc/1/status")
    )
    kib = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))
    return row("controller + web with SQLite, memory", f"{kib / 1024:.0f} MiB", "", None, "150 MiB")


def main() -> list[str]:
    """Install, measure, uninstall."""
    cluster = testbed.provide()
    image = cluster.build_image("runtime")
    with installed(cluster, NAMESPACE, serving=[WORK]) as installation:
        idle = idle_memory(installation)
        location = runs.serve(installation, WORK, "bench", CODE)
        return [*measure(location, Floor(installation, image)), idle]


if __name__ == "__main__":
    print("\n".join(main()))
