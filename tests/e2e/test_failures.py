"""Runs that go wrong: each ends, or waits, with a reason that people understand, and harms nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import runs
from support.installation import Installation, until
from support.places import FAULTS, QUOTA_NAMESPACE
from support.runs import Location, Run

pytestmark = pytest.mark.cluster

TOGETHER = (
    "fails",
    "runs_out_of_memory",
    "exits",
    "crashes",
    "returns_lock",
    "prints_ten_megabytes",
    "branches",
    "retries",
    "nests",
    "fan_8",
)
START_SECONDS = 15


@pytest.fixture(scope="module")
def launched(faults: Location) -> dict[str, str]:
    """Runs of jobs that do not disturb each other, under way together: by job, the run id."""
    return {job: faults.launch(job) for job in TOGETHER}


@pytest.fixture(scope="module")
def unstartable(faults: Location) -> dict[str, str]:
    """Runs whose pods cannot start, of Jobs that do not wait for ever: by job, the run id."""
    jobs = {"cannot_pull": "cannot-pull", "misses_secret": "misses-secret"}
    for job, name in jobs.items():
        runs.declare_job(
            faults.installation,
            faults.namespace,
            name,
            faults.name,
            job=job,
            timeouts={"startSeconds": START_SECONDS},
        )
    return {job: faults.launch_resource(name) for job, name in jobs.items()}


def finished(faults: Location, launched: dict[str, str], job: str, status: str) -> Run:
    run = faults.finish(launched[job])
    assert run.status == status, run.data
    run.assert_no_overlap()
    return run


def test_a_pod_that_cannot_start_says_why_within_seconds(
    faults: Location, unstartable: dict[str, str]
) -> None:
    """While it still waits: the image that is refused, the secret that is not there."""
    expected = {
        "cannot_pull": ("unpullable", "ImagePullFailed", "opweave-test/does-not-exist:1"),
        "misses_secret": ("secretive", "ConfigMissing", "not-there"),
    }

    for job, (key, reason, named) in expected.items():
        step = faults.wait_for_reason(unstartable[job], key, reason, timeout_seconds=START_SECONDS)
        assert named in step["waitingMessage"]
        shown = faults.installation.opweave("run", "show", unstartable[job]).stdout
        assert named in shown


@pytest.mark.parametrize(
    ("job", "key", "named"),
    [
        ("cannot_pull", "unpullable", "opweave-test/does-not-exist:1"),
        ("misses_secret", "secretive", "not-there"),
    ],
)
def test_a_pod_that_never_starts_ends_by_the_time_out_with_the_reason(
    faults: Location, unstartable: dict[str, str], job: str, key: str, named: str
) -> None:
    run = finished(faults, unstartable, job, "FAILURE")
    outcome = run.outcome(key)

    assert outcome["reason"] == "StartTimedOut"
    assert named in outcome["message"]
    assert any(named in event["message"] for event in faults.events(run.id))


def test_the_users_traceback_is_in_log_graphql_and_command_line(
    faults: Location, launched: dict[str, str]
) -> None:
    run = finished(faults, launched, "fails", "FAILURE")
    error = run.outcome("divide")["error"]
    failure = next(e for e in faults.events(run.id) if e["type"] == "STEP_FAILURE")
    shown = faults.installation.opweave("run", "show", run.id).stdout
    logged = faults.installation.opweave("run", "logs", run.id).stdout

    assert error["className"] == "ZeroDivisionError"
    assert "return number / 0" in error["stack"]
    assert "return number / 0" in str(failure["payload"])
    assert "ZeroDivisionError" in shown
    assert "return number / 0" in logged


def test_what_is_downstream_of_a_failure_is_skipped_and_the_rest_finishes(
    faults: Location, launched: dict[str, str]
) -> None:
    run = finished(faults, launched, "fails", "FAILURE")
    never = run.step("never")

    assert run.statuses() == {
        "first": "SUCCESS",
        "divide": "FAILURE",
        "never": "SKIPPED",
        "independent": "SUCCESS",
    }
    assert never["attempts"] == []
    assert "divide" in never["message"]
    assert run.data["message"] == "failed: divide"


def test_a_step_out_of_memory_is_tried_again_and_then_fails(
    faults: Location, launched: dict[str, str]
) -> None:
    """Three infrastructure retries are the default."""
    run = finished(faults, launched, "runs_out_of_memory", "FAILURE")
    attempts = run.step("hungry")["attempts"]

    assert [attempt["outcome"]["reason"] for attempt in attempts] == ["OOMKilled"] * 4
    assert "OOMKilled" in str(run.step("hungry"))
    assert "memory" in run.step("hungry")["message"]


def test_a_process_that_leaves_by_itself_fails_with_its_exit_code(
    faults: Location, launched: dict[str, str]
) -> None:
    """Nobody tries it again: the user's code did it, and has no retry policy."""
    run = finished(faults, launched, "exits", "FAILURE")
    outcome = run.outcome("exit_three")

    assert outcome["exitCode"] == 3
    assert "3" in outcome["message"]
    assert len(run.step("exit_three")["attempts"]) == 1
    assert "about to leave\n" in faults.log(run.id, "exit_three")


def test_a_crash_names_its_signal(faults: Location, launched: dict[str, str]) -> None:
    run = finished(faults, launched, "crashes", "FAILURE")

    assert "SIGSEGV" in run.outcome("crash")["message"]
    assert len(run.step("crash")["attempts"]) == 1


def test_an_output_that_cannot_be_stored_names_output_and_type(
    faults: Location, launched: dict[str, str]
) -> None:
    run = finished(faults, launched, "returns_lock", "FAILURE")
    outcome = run.outcome("unserialisable")

    assert "lock" in outcome["message"]
    assert "result" in outcome["message"]


def test_ten_megabytes_of_output_are_kept_whole(faults: Location, launched: dict[str, str]) -> None:
    run = finished(faults, launched, "prints_ten_megabytes", "SUCCESS")
    text = faults.log(run.id, "noisy")

    assert text.count("x" * 99 + "\n") == 100_000
    assert faults.log(run.id, "noisy", "STDERR").endswith("the end\n")


def test_a_branch_without_output_is_skipped(faults: Location, launched: dict[str, str]) -> None:
    run = finished(faults, launched, "branches", "SUCCESS")

    assert run.statuses() == {"choose": "SUCCESS", "on_left": "SKIPPED", "on_right": "SUCCESS"}
    assert "left" in run.step("on_left")["message"]


def test_the_users_retries_stay_in_one_pod(faults: Location, launched: dict[str, str]) -> None:
    run = finished(faults, launched, "retries", "SUCCESS")
    types = [e["type"] for e in faults.events(run.id) if e["stepKey"] == "flaky"]

    assert len(run.step("flaky")["attempts"]) == 1
    assert types.count("STEP_UP_FOR_RETRY") == 2
    assert types.count("STEP_RESTARTED") == 2


def test_nested_graphs_and_fans_run(faults: Location, launched: dict[str, str]) -> None:
    nests = finished(faults, launched, "nests", "SUCCESS")
    fan = finished(faults, launched, "fan_8", "SUCCESS")

    assert sorted(nests.statuses()) == ["nested.add_one", "nested.first", "outer"]
    assert faults.output(fan.id, "gather") == 8


def test_a_deleted_pod_costs_an_attempt_and_not_the_run(faults: Location) -> None:
    run_id = faults.launch("slow", {"ops": {"first": {"config": {"seconds": 4.0}}}})
    run = faults.wait_for_step(run_id, "first", "RUNNING")
    pod = run.step("first")["attempts"][0]["workerName"]

    faults.installation.kubectl("delete", "pod", pod, "-n", faults.namespace, "--wait=false")
    run = faults.finish(run_id)

    assert run.status == "SUCCESS", run.data
    assert [a["outcome"]["status"] for a in run.step("first")["attempts"]] == ["LOST", "SUCCESS"]
    assert run.outcome("first", 0)["reason"] == "Terminated"
    run.assert_no_overlap()


@pytest.fixture
def tight(installation: Installation) -> Iterator[Location]:
    """The location in a namespace whose quota is used up by the code server."""
    namespace = QUOTA_NAMESPACE
    location = runs.serve(installation, namespace, "faults", FAULTS.read_text())
    _allow_pods(installation, 1)
    yield location
    runs.forget(installation, namespace)


def _allow_pods(installation: Installation, number: int) -> None:
    metadata = {"name": "pods", "namespace": QUOTA_NAMESPACE}
    spec = {"hard": {"pods": str(number)}}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}
    installation.apply(quota)

    def counted() -> bool:
        status = installation.get("resourcequota", "pods", "-n", QUOTA_NAMESPACE)["status"]
        return bool(status.get("hard") == spec["hard"] and "used" in status)

    until("the quota to count", counted)


def test_a_quota_that_is_used_up_makes_steps_wait_and_not_fail(
    tight: Location, installation: Installation
) -> None:
    run_id = tight.launch("chain")
    step = tight.wait_for_reason(run_id, "first", "QuotaExceeded")

    _allow_pods(installation, 5)
    run = tight.finish(run_id)

    assert "exceeded quota" in step["waitingMessage"]
    assert run.status == "SUCCESS", run.data
    assert all(len(s["attempts"]) == 1 for s in run.data["steps"])
