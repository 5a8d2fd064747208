"""A step can write its own attempt's reports and nothing else; whoever else tries is refused and counted."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.runs import Location

pytestmark = pytest.mark.cluster

TOKEN = "/var/run/secrets/opweave.dev/token"
EVENT = {"seq": 90, "type": "LOG_MESSAGE", "at": "2026-01-01T00:00:00+00:00", "message": "forged"}
LONG = {"ops": {"first": {"config": {"seconds": 300.0}}}}


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run whose first step runs, with the token that its pod holds."""

    location: Location
    run_id: str
    pod: str
    token: str

    @classmethod
    def of(cls, location: Location, run_id: str) -> Running:
        run = location.wait_for_step(run_id, "first", "RUNNING")
        pod = str(run.step("first")["attempts"][-1]["workerName"])
        token = location.installation.kubectl(
            "exec", pod, "-n", location.namespace, "--", "cat", TOKEN
        )
        return cls(location=location, run_id=run_id, pod=pod, token=token)

    def report(
        self, token: str | None, *, step: str = "first", attempt: int = 1
    ) -> tuple[int, str]:
        """Send an event for an attempt of this run; return the status and the code of the refusal."""
        path = f"/ingest/v1/runs/{self.run_id}/steps/{step}/attempts/{attempt}/events"
        request = urllib.request.Request(
            self.location.installation.url + path,
            data=json.dumps({"events": [EVENT]}).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {token}"} if token is not None else {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, ""
        except urllib.error.HTTPError as error:
            return error.code, str(json.load(error)["code"])


@pytest.fixture(scope="module")
def pair(faults: Location) -> Iterator[tuple[Running, Running]]:
    """Two runs that are under way."""
    ids = [faults.launch("slow", LONG), faults.launch("slow", LONG)]
    one, other = (Running.of(faults, run_id) for run_id in ids)
    yield one, other
    for run_id in ids:
        faults.terminate(run_id)
    for run_id in ids:
        faults.finish(run_id)


def refusals(location: Location) -> dict[str, float]:
    """Return how many requests the web role says it has refused, by code."""
    text = location.installation.download("/metrics").decode()
    found = re.findall(r'^opweave_ingest_refusals_total\{code="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {code: float(number) for code, number in found}


def assert_refused_and_counted(running: Running, status: int, code: str, **request: Any) -> None:
    before = refusals(running.location).get(code, 0)

    assert running.report(**request) == (status, code)
    assert refusals(running.location)[code] == before + 1
    assert not any(e["message"] == "forged" for e in running.location.events(running.run_id))


def test_without_a_token_nothing_is_written(pair: tuple[Running, Running]) -> None:
    assert_refused_and_counted(pair[0], 401, "NoToken", token=None)


def test_junk_is_no_token(pair: tuple[Running, Running]) -> None:
    assert_refused_and_counted(pair[0], 401, "TokenRejected", token="junk")


def test_a_token_for_somebody_else_is_refused(pair: tuple[Running, Running]) -> None:
    """Valid for the API server and bound to the very pod, but made for another audience."""
    running = pair[0]
    token = running.location.installation.kubectl(
        *("create", "token", "default", "-n", running.location.namespace),
        *("--audience=other", "--bound-object-kind=Pod", f"--bound-object-name={running.pod}"),
    ).strip()

    assert_refused_and_counted(running, 401, "WrongAudience", token=token)


def test_a_token_that_is_bound_to_no_pod_is_refused(pair: tuple[Running, Running]) -> None:
    running = pair[0]
    token = running.location.installation.kubectl(
        "create", "token", "default", "-n", running.location.namespace, "--audience=opweave"
    ).strip()

    assert_refused_and_counted(running, 401, "TokenRejected", token=token)


def test_the_token_of_another_runs_pod_is_refused(pair: tuple[Running, Running]) -> None:
    assert_refused_and_counted(pair[0], 403, "NotYourAttempt", token=pair[1].token)


def test_a_pod_writes_for_no_other_attempt_of_its_run(pair: tuple[Running, Running]) -> None:
    running = pair[0]

    assert_refused_and_counted(
        running, 404, "UnknownAttempt", token=running.token, step="middle", attempt=1
    )
    assert_refused_and_counted(running, 404, "UnknownAttempt", token=running.token, attempt=2)


def test_a_closed_attempt_takes_no_more_reports(faults: Location) -> None:
    """The token is still good for the other steps' time: the record is the fence, not the token."""
    quick = {"ops": {"first": {"config": {"seconds": 4.0}}, "middle": {"config": {"seconds": 8.0}}}}
    running = Running.of(faults, faults.launch("slow", quick))
    faults.wait_for_step(running.run_id, "middle", "RUNNING")

    assert_refused_and_counted(running, 409, "AttemptClosed", token=running.token)
    assert_refused_and_counted(running, 403, "NotYourAttempt", token=running.token, step="middle")
    assert faults.finish(running.run_id).status == "SUCCESS"


def test_a_lost_attempt_cannot_write_for_the_one_that_replaced_it(faults: Location) -> None:
    config = {"ops": {"first": {"config": {"seconds": 6.0}}}}
    running = Running.of(faults, faults.launch("slow", config))
    faults.installation.kubectl(
        "delete", "pod", running.pod, "-n", faults.namespace, "--wait=false"
    )
    faults.wait_for_step(running.run_id, "first", "RUNNING", attempt=2)

    # The cluster may call the token of the deleted pod invalid, or the record says it is not the attempt's.
    assert running.report(running.token)[0] in (401, 409)
    assert running.report(running.token, attempt=2)[0] in (401, 403)
    assert faults.finish(running.run_id).status == "SUCCESS"


def test_a_step_pod_holds_no_key_to_cluster_or_database(pair: tuple[Running, Running]) -> None:
    running = pair[0]
    installation = running.location.installation
    spec = installation.get("pod", running.pod, "-n", running.location.namespace)["spec"]
    volumes = [volume for volume in spec["volumes"] if "projected" in volume or "secret" in volume]
    seen = installation.kubectl(
        *("exec", running.pod, "-n", running.location.namespace, "--"),
        *("sh", "-c", "env; ls /var/run/secrets"),
    )

    assert spec["automountServiceAccountToken"] is False
    assert [volume["projected"]["sources"] for volume in volumes] == [
        [
            {
                "serviceAccountToken": {
                    "audience": "opweave",
                    "expirationSeconds": 3600,
                    "path": "token",
                }
            }
        ]
    ]
    assert "kubernetes.io" not in seen
    assert "DATABASE" not in seen
    assert "envFrom" not in spec["containers"][0]
