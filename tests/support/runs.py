"""Runs as the end-to-end tests launch and read them, through the public API only."""

from __future__ import annotations

import itertools
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any

from support import stored_values
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
  runId status reason message objectName queuedReason dequeueTime endTime
  steps { key: stepKey status reason message waitingReason waitingMessage
    attempts { number status workerName
      moments { ready slot created running userCode bodyEnded committed }
      outcome { status source reason message exitCode error { className message stack } } } }
} }
"""

EVENTS = """
query ($id: ID!, $after: Int!) { run(runId: $id) { events(after: $after, first: 250) {
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

    def launch_resource(self, name: str, **params: Any) -> str:
        """Launch a declared Job of the location's namespace; return the run id."""
        selector = {"namespace": self.namespace, "jobResource": name}
        wanted = {"job": selector, "dedupeKey": uuid.uuid4().hex, **params}

        def known() -> dict[str, Any] | None:
            answer: dict[str, Any] = self.installation.graphql(LAUNCH, params=wanted)["launchRun"]
            return None if answer["__typename"] == "JobNotFound" else answer

        answer = until(f"the Job {name} to be known", known, timeout_seconds=30)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def run(self, run_id: str) -> Run:
        """Return the run as it stands."""
        return Run(self.installation.graphql(RUN, id=run_id)["run"])

    def finish(self, run_id: str, *, timeout_seconds: float = 120) -> Run:
        """Wait until the run has ended; return it."""

        def ended() -> Run | None:
            run = self.run(run_id)
            return run if run.status in FINISHED else None

        return until(
            f"the end of run {run_id}",
            ended,
            timeout_seconds=timeout_seconds,
            describe=lambda: self.run(run_id).data,
        )

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

        return until(
            f"step {key} of {run_id} to be {status}",
            reached,
            describe=lambda: self.run(run_id).data,
        )

    def wait_for_reason(
        self, run_id: str, key: str, reason: str, *, timeout_seconds: float = 60
    ) -> dict[str, Any]:
        """Wait until a step says that it waits for *reason*; return the step."""

        def told() -> dict[str, Any] | None:
            run = self.run(run_id)
            assert run.status not in FINISHED, run.data
            step = run.step(key)
            return step if step["waitingReason"] == reason else None

        return until(
            f"{key} of {run_id} to wait: {reason}",
            told,
            timeout_seconds=timeout_seconds,
            describe=lambda: self.run(run_id).data,
        )

    def output(self, run_id: str, step: str, name: str = "result") -> Any:
        """Return the plain value that a step stored as an output."""
        path = f"/api/v1/runs/{run_id}/outputs/{urllib.parse.quote(step, safe='')}/{name}"
        return stored_values.decode(self.installation.download(path))

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

    def job_object(self, run_id: str) -> dict[str, Any] | None:
        """Return the run's batch/v1 Job, or None."""
        label = f"opweave.dev/run-id={run_id}"
        items = self.installation.get("jobs.batch", "-n", self.namespace, "-l", label)["items"]
        return items[0] if items else None

    def wait_released(self, run_id: str) -> None:
        """Wait until no pod of the run is left that runs or is held back from deletion."""

        def released() -> bool:
            return all(
                pod["status"]["phase"] in ("Succeeded", "Failed")
                and not pod["metadata"].get("finalizers")
                for pod in self.pods(run_id)
            )

        until(f"the pods of {run_id} to be let go", released, timeout_seconds=60)

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


def serve(installation: Installation, namespace: str, name: str, text: str) -> Location:
    """Serve *text* as a code location with a ConfigMap on the stock image; wait until it is ready."""
    declare(installation, namespace, name, text)
    wait_ready(installation, namespace, name)
    return Location(installation=installation, namespace=namespace, name=name)


def wait_ready(installation: Installation, namespace: str, name: str) -> None:
    """Wait until a code location serves."""
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


def forget(installation: Installation, namespace: str, *locations: str) -> None:
    """Delete code locations, or all of the namespace: their servers take room that other tests' steps need."""
    chosen = locations or ("--all",)
    installation.kubectl("delete", "codelocations", *chosen, "-n", namespace, "--ignore-not-found")
