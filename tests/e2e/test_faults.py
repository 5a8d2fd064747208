"""Processes that die and parts that go away in the middle of a run: it ends right, and nothing ran twice."""

from __future__ import annotations

import time

import pytest

import testbed
from postgres import PostgresServer
from support import machine
from support.installation import Installation
from support.invariants import assert_sound
from support.runs import Location

pytestmark = pytest.mark.cluster

OUTAGE_SECONDS = 30
STEPS = ("first", "middle", "last")


def config(*seconds: float) -> dict[str, object]:
    """Return run config by which the steps of the job ``slow`` take so long."""
    pairs = zip(STEPS, seconds, strict=True)
    return {"ops": {step: {"config": {"seconds": second}} for step, second in pairs}}


def assert_succeeds_undisturbed(location: Location, run_id: str) -> None:
    """Check that the run succeeds, soundly, and that no step needed a second pod."""
    run = location.finish(run_id, timeout_seconds=180)

    assert run.status == "SUCCESS", run.data
    assert {step["key"]: len(step["attempts"]) for step in run.data["steps"]} == dict.fromkeys(
        run.statuses(), 1
    )
    assert_sound(location, run)


def test_the_operator_is_killed_twice_in_a_run(
    cluster: testbed.Cluster, faults: Location, installation: Installation
) -> None:
    """Controller and web are one process here: what a step reports meanwhile waits in its pod."""
    machine.require_native(cluster)
    run_id = faults.launch("slow", config(4, 4, 1))

    for step in STEPS[:2]:  # a third time the kubelet would hold it back for 20 s
        faults.wait_for_step(run_id, step, "RUNNING")
        machine.kill_container(installation.operator_pod())

    assert_succeeds_undisturbed(faults, run_id)


def test_the_operators_pod_is_deleted_by_force(
    faults: Location, installation: Installation
) -> None:
    """Another one takes over; steps end and start around that moment."""
    runs = [faults.launch("slow", config(3, 1, 1)), faults.launch("fan_8")]
    faults.wait_for_step(runs[0], "first", "RUNNING")
    pod = installation.operator_pod()["metadata"]["name"]

    installation.kubectl(
        *("delete", "pod", pod, "-n", installation.namespace, "--grace-period=0", "--force")
    )

    for run_id in runs:
        assert_succeeds_undisturbed(faults, run_id)


def test_the_api_server_is_restarted(cluster: testbed.Cluster, faults: Location) -> None:
    """Watches break, pods cannot be made for a while, tokens cannot be verified."""
    machine.require_native(cluster)
    runs = [faults.launch("slow", config(3, 3, 1)), faults.launch("fan_8")]
    faults.wait_for_step(runs[0], "first", "RUNNING")

    machine.restart_api_server()

    for run_id in runs:
        assert_succeeds_undisturbed(faults, run_id)


@pytest.mark.postgres
def test_the_database_is_away_for_half_a_minute(
    reachable_postgres: PostgresServer, on_postgres: Location
) -> None:
    """A step ends meanwhile: its report waits for the database, and the operator does not restart."""
    run_id = on_postgres.launch("slow", config(8, 1, 1))
    on_postgres.wait_for_step(run_id, "first", "RUNNING")

    reachable_postgres.stop()
    time.sleep(OUTAGE_SECONDS)  # what is waited for is the time itself
    reachable_postgres.start()

    assert_succeeds_undisturbed(on_postgres, run_id)
    (status,) = on_postgres.installation.operator_pod()["status"]["containerStatuses"]
    assert status["restartCount"] == 0


@pytest.mark.postgres
def test_the_operator_dies_beside_its_database(on_postgres: Location) -> None:
    installation = on_postgres.installation
    run_id = on_postgres.launch("slow", config(4, 1, 1))
    on_postgres.wait_for_step(run_id, "first", "RUNNING")
    pod = installation.operator_pod()["metadata"]["name"]

    installation.kubectl(
        *("delete", "pod", pod, "-n", installation.namespace, "--grace-period=0", "--force")
    )

    assert_succeeds_undisturbed(on_postgres, run_id)
