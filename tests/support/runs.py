"""Runs as the end-to-end tests launch and read them, through the public API only."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.installation import Installation, until

FINISHED = ("SUCCESS", "FAILURE", "CANCELED")

LAUNCH = """
mutation ($params: LaunchParams!) { launchRun(params: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigInvalid { errors { path message code } }
  ... on Error { message }
} }
"""

RUN = """
query ($id: ID!) { run(runId: $id) {
  runId status reason message objectName
  steps { key: stepKey status reason message waitingReason waitingMessage
    attempts { number status workerName
      moments { ready slot created running userCode bodyEnded committed }
      outcome { status source reason message exitCode error { className message stack } } } }
} }
"""

EVENTS = """
query ($id: ID!, $after: Int!) { run(runId: $id) { events(after: $after, first: 1000) {
  nextAfter hasMore events { number type: eventType stepKey attempt message payload } } } }
"""

LOG = """
query ($id: ID!, $step: String!, $stream: LogStream!, $offset: Int!) {
  run(runId: $id) { step(stepKey: $step) { attempts { number
    computeLog(stream: $stream, offset: $offset, limit: 1048576) { text nextOffset length } } } } }
"""


@dataclass(frozen=True, kw_only=True)
class Location:
    """A code location that serves."""

    installation: Installation
    namespace: str
    name: str

    def launch(self, job: str, run_config: dict[str, Any] | None = None, **params: Any) -> str:
        """Launch a job of the location's code; return the run id."""
        answer = self.try_launch(job, run_config, **params)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def try_launch(
        self, job: str, run_config: dict[str, Any] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Ask for a run; return the answer, whatever it is."""
        selector = {"namespace": self.namespace, "locationName": self.name, "jobName": job}
        wanted = {"job": selector, "runConfig": run_config, "dedupeKey": uuid.uuid4().hex, **params}
        answer: dict[str, Any] = self.installation.graphql(LAUNCH, params=wanted)["launchRun"]
        return answer

    def run(self, run_id: str) -> Run:
        """Return the run as it stands."""
        return Run(self.installation.graphql(RUN, id=run_id)["run"])

    def finish(self, run_id: str, *, timeout_seconds: float = 120) -> Run:
        """Wait until the run has ended; return it."""

        def ended() -> Run | None:
            run = self.run(run_id)
            return run if run.status in FINISHED else None

        return until(f"the end of run {run_id}", ended, timeout_seconds=timeout_seconds)

    def succeed(self, job: str, run_config: dict[str, Any] | None = None) -> Run:
        """Launch a job and wait for its success."""
        run = self.finish(self.launch(job, run_config))
        assert run.status == "SUCCESS", run.data
        return run

    def wait_for_step(self, run_id: str, key: str, status: str, attempt: int = 1) -> Run:
        """Wait until a step has *status* in its attempt numbered *attempt* or a later one."""

        def reached() -> Run | None:
            run = self.run(run_id)
            step = run.step(key)
            is_there = step["status"] == status and len(step["attempts"]) >= attempt
            assert is_there or run.status not in FINISHED, run.data
            return run if is_there else None

        return until(f"step {key} of {run_id} to be {status}", reached)

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return the whole log of the run; checks that its numbers have no gap and no repeat."""
        found: list[dict[str, Any]] = []
        after, has_more = -1, True
        while has_more:
            page = self.installation.graphql(EVENTS, id=run_id, after=after)["run"]["events"]
            found += page["events"]
            after, has_more = page["nextAfter"], page["hasMore"]
        assert [event["number"] for event in found] == list(range(len(found)))
        return found

    def log(self, run_id: str, step: str, stream: str = "STDOUT", attempt: int = 1) -> str:
        """Return what the attempt wrote to the stream."""
        text, offset, length = "", 0, 1
        while offset < length:
            attempts = self.installation.graphql(
                LOG, id=run_id, step=step, stream=stream, offset=offset
            )["run"]["step"]["attempts"]
            part = next(a["computeLog"] for a in attempts if a["number"] == attempt)
            text += part["text"]
            assert part["nextOffset"] > offset or part["length"] == 0
            offset, length = part["nextOffset"], part["length"]
        return text

    def terminate(self, run_id: str) -> str:
        """Ask the run to end; return the kind of the answer."""
        query = "mutation ($id: ID!) { terminateRun(runId: $id) { __typename } }"
        return str(self.installation.graphql(query, id=run_id)["terminateRun"]["__typename"])

    def pods(self, run_id: str) -> list[dict[str, Any]]:
        """Return the run's pods."""
        items: list[dict[str, Any]] = self.installation.get(
            "pods", "-n", self.namespace, "-l", f"opweave.dev/run-id={run_id}"
        )["items"]
        return items


class Run:
    """A run as GraphQL shows it."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.id: str = data["runId"]
        self.status: str = data["status"]

    def step(self, key: str) -> dict[str, Any]:
        """Return a step."""
        found: dict[str, Any] = next(step for step in self.data["steps"] if step["key"] == key)
        return found

    def statuses(self) -> dict[str, str]:
        """Return the status of each step."""
        return {step["key"]: step["status"] for step in self.data["steps"]}

    def outcome(self, key: str, attempt: int = -1) -> dict[str, Any]:
        """Return how an attempt of a step ended; the newest by default."""
        found: dict[str, Any] = self.step(key)["attempts"][attempt]["outcome"]
        return found

    def assert_no_overlap(self) -> None:
        """Check that no two attempts of a step ran at once, and that each has exactly one outcome."""
        for step in self.data["steps"]:
            attempts = step["attempts"]
            assert all(attempt["outcome"] for attempt in attempts), step
            for earlier, later in itertools.pairwise(attempts):
                assert earlier["moments"]["committed"] <= later["moments"]["slot"], step


@contextlib.contextmanager
def located(
    installation: Installation, namespace: str, name: str, source: Path
) -> Iterator[Location]:
    """Serve the Python file *source* as a code location with a ConfigMap on the stock image."""
    declare(installation, namespace, name, source.read_text())
    installation.kubectl(
        *(
            "-n",
            namespace,
            "wait",
            f"codelocation/{name}",
            "--for=condition=Ready",
            "--timeout=120s",
        )
    )
    yield Location(installation=installation, namespace=namespace, name=name)
    installation.kubectl("delete", "codelocation", name, "-n", namespace)


def declare(installation: Installation, namespace: str, name: str, text: str, **spec: Any) -> None:
    """Apply a code location whose code is *text* in a ConfigMap; does not wait for anything."""
    source = {"configMap": {"name": f"{name}-code", "key": "definitions.py"}}
    installation.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{name}-code", "namespace": namespace},
            "data": {"definitions.py": text},
        },
        {
            "apiVersion": "opweave.dev/v1alpha1",
            "kind": "CodeLocation",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"source": source, **spec},
        },
    )


def declare_job(
    installation: Installation, namespace: str, name: str, location: str, **spec: Any
) -> None:
    """Apply a Job of a code location."""
    installation.apply(
        {
            "apiVersion": "opweave.dev/v1alpha1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"codeLocation": location, "job": name, **spec},
        }
    )
