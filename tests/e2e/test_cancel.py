"""Runs that people end: during a step, before a pod has started, twice, and by deleting the Job."""

from __future__ import annotations

import pytest

from support.runs import Location

pytestmark = pytest.mark.cluster

LONG = {"ops": {"first": {"config": {"seconds": 300.0}}}}


def test_a_run_is_cancelled_during_a_step(faults: Location) -> None:
    """Asking twice is no error; the step's pod ends, what is downstream never starts."""
    run_id = faults.launch("slow", LONG)
    faults.wait_for_step(run_id, "first", "RUNNING")

    asked = [faults.terminate(run_id), faults.terminate(run_id)]
    run = faults.finish(run_id)

    assert asked == ["TerminateRunSuccess", "TerminateRunSuccess"]
    assert run.status == "CANCELED"
    assert run.statuses() == {"first": "CANCELED", "middle": "CANCELED", "last": "CANCELED"}
    assert len(run.step("first")["attempts"]) == 1
    assert run.step("middle")["attempts"] == []
    faults.wait_released(run_id)
    assert faults.terminate(run_id) == "RunFinished"


def test_a_run_is_cancelled_before_its_pod_has_started(faults: Location) -> None:
    run_id = faults.launch("cannot_pull")
    faults.wait_for_reason(run_id, "unpullable", "ImagePullFailed")

    faults.terminate(run_id)
    run = faults.finish(run_id)

    assert run.status == "CANCELED"
    assert run.statuses() == {"unpullable": "CANCELED"}
    faults.wait_released(run_id)


def test_a_run_is_cancelled_before_anything_was_made_of_it(faults: Location) -> None:
    """From the queue or in its first moment: whatever there is of it is gone afterwards."""
    run_id = faults.launch("chain")

    faults.terminate(run_id)
    run = faults.finish(run_id)

    assert run.status in ("CANCELED", "SUCCESS")
    faults.wait_released(run_id)


def test_deleting_the_job_cancels_the_run(faults: Location) -> None:
    run_id = faults.launch("slow", LONG)
    faults.wait_for_step(run_id, "first", "RUNNING")
    name = faults.run(run_id).data["objectName"]

    faults.installation.kubectl(
        "delete", "jobs.batch", name, "-n", faults.namespace, "--wait=false"
    )
    run = faults.finish(run_id)

    assert run.status == "CANCELED"
    assert run.data["reason"] == "JobObjectDeleted"
    faults.wait_released(run_id)
    assert faults.job_object(run_id) is None


def test_a_cancelled_run_is_a_failed_job(faults: Location) -> None:
    run_id = faults.launch("slow", LONG)
    faults.wait_for_step(run_id, "first", "RUNNING")

    done = faults.installation.opweave("run", "terminate", run_id)
    faults.finish(run_id)
    name = faults.run(run_id).data["objectName"]
    faults.installation.kubectl(
        *("wait", "--for=condition=Failed", f"jobs.batch/{name}", "-n", faults.namespace),
        "--timeout=30s",
    )

    assert "CANCELING" in done.stdout
