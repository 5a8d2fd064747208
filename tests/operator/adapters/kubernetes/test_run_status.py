"""What the Job of a run shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opweave_operator.adapters.kubernetes import errors, refusals, run_status
from opweave_operator.core import model
from opweave_operator.core.model import RunStatus, StepStatus
from support import builders

A, B = model.StepKey("a"), model.StepKey("b")


def patch(status: RunStatus, a: StepStatus, b: StepStatus, **shown: Any) -> dict[str, Any]:
    state = builders.run_state(builders.planned("a"), builders.planned("b", "a"), status=status)
    steps = {
        A: replace(state.steps[A], status=a),
        B: replace(state.steps[B], status=b),
    }
    state = replace(state, steps=steps)
    before = run_status.ShownStatus(completions=2, **shown)
    found: dict[str, Any] = run_status.status_patch(state, before, builders.NOON).get("status", {})
    return found


def test_a_run_under_way() -> None:
    status = patch(RunStatus.STARTED, StepStatus.SUCCESS, StepStatus.STARTING)
    assert (status["active"], status["ready"], status["succeeded"]) == (1, 0, 1)
    assert status["completedIndexes"] == "0"
    assert "conditions" not in status


def test_counters_never_decrease() -> None:
    status = patch(RunStatus.STARTED, StepStatus.WAITING, StepStatus.WAITING, succeeded=1, failed=1)
    assert (status["succeeded"], status["failed"]) == (1, 1)


def test_the_start_is_written_once() -> None:
    assert "startTime" in patch(RunStatus.STARTED, StepStatus.RUNNING, StepStatus.WAITING)
    again = patch(RunStatus.STARTED, StepStatus.RUNNING, StepStatus.WAITING, has_started=True)
    assert "startTime" not in again


def test_a_skipped_step_counts_in_a_run_that_succeeds() -> None:
    status = patch(RunStatus.SUCCESS, StepStatus.SUCCESS, StepStatus.SKIPPED)
    assert status["completedIndexes"] == "0-1"
    assert [c["type"] for c in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert status["completionTime"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("status", [RunStatus.FAILURE, RunStatus.CANCELED])
def test_a_run_that_ends_otherwise_has_failed(status: RunStatus) -> None:
    shown = patch(status, StepStatus.FAILURE, StepStatus.CANCELED)
    assert [c["type"] for c in shown["conditions"]] == ["FailureTarget", "Failed"]
    assert (shown["active"], shown["failedIndexes"]) == (0, "0")
    assert "completionTime" not in shown


def test_a_finished_job_is_not_touched() -> None:
    assert not patch(RunStatus.SUCCESS, StepStatus.SUCCESS, StepStatus.SUCCESS, is_finished=True)


@pytest.mark.parametrize(
    ("error", "reason", "is_permanent"),
    [
        (errors.Forbidden("pods x is forbidden: exceeded quota: q"), "QuotaExceeded", False),
        (
            errors.Forbidden('violates PodSecurity "restricted:latest"'),
            "PodSecurityViolation",
            True,
        ),
        (errors.Forbidden("maximum cpu usage per Container is 1"), "LimitRangeViolation", True),
        (errors.Forbidden("x", causes=("NamespaceTerminating",)), "NamespaceGone", True),
        (errors.Forbidden("admission webhook w denied the request: no"), "DeniedByPolicy", True),
        (errors.Forbidden("user u cannot create pods"), "Forbidden", False),
        (errors.NotFound("namespaces n not found"), "NamespaceGone", True),
        (errors.Invalid("spec is invalid"), "Invalid", True),
        (errors.Unreachable("no answer"), "ApiServerUnreachable", False),
    ],
)
def test_refusals_keep_the_api_server_s_words(
    error: errors.ApiError, reason: str, is_permanent: bool
) -> None:
    refused = refusals.translate(error)
    assert (refused.reason, refused.message, refused.is_permanent) == (
        reason,
        error.message,
        is_permanent,
    )
