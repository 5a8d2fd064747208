"""Pods that a run finds out about while it runs."""

from __future__ import annotations

import pytest

from support import invariants
from support.runs import Location

pytestmark = pytest.mark.cluster


def test_a_dynamic_output_makes_a_pod_for_each_member(faults: Location) -> None:
    """The run's Job grows with it and shows n of n; each pod has an index of its own."""
    run = faults.succeed("spreads")

    keys = [f"{name}[n{number}]" for name in ("add_one", "add_one_2") for number in range(3)]
    assert set(run.statuses()) == {"spread", "gather_members", *keys}
    assert faults.output(run.id, "gather_members") == 9
    invariants.assert_sound(faults, run)
    job = faults.job_object(run.id)
    assert job is not None
    assert (8, 8) == (job["spec"]["completions"], job["spec"]["parallelism"])
    assert job["status"]["succeeded"] == 8
    assert job["status"]["completedIndexes"] == "0-7"


REEXECUTE = """
mutation ($params: ReexecutionParams!) { launchReexecution(params: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on Error { message }
} }
"""


def test_a_failed_run_goes_on_with_the_outputs_of_its_parent(faults: Location) -> None:
    """Pods of what did not succeed only; they read the rest through the artifact endpoint."""
    parent = faults.finish(faults.launch("recovers"))
    assert parent.status == "FAILURE"
    params = {"parentRunId": parent.id, "strategy": "FROM_FAILURE"}

    answer = faults.installation.graphql(REEXECUTE, params=params)["launchReexecution"]

    assert answer["__typename"] == "LaunchRunSuccess", answer
    child = faults.finish(answer["run"]["runId"])
    assert child.statuses() == {"fails_at_first[n1]": "SUCCESS", "gather_members": "SUCCESS"}
    assert faults.output(child.id, "gather_members") == 3
    invariants.assert_sound(faults, child)
