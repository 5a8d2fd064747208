"""Conditions and status: written when something changes, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opweave_operator.adapters.kubernetes import conditions
from opweave_operator.adapters.kubernetes.conditions import Verdict
from opweave_operator.handlers import status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_condition_whose_status_stays_keeps_its_time() -> None:
    first = conditions.merged([], Verdict(is_ready=False, reason="A"), 1, NOON)
    later = NOON + timedelta(hours=1)
    second = conditions.merged(first, Verdict(is_ready=False, reason="B"), 2, later)
    assert second[0]["lastTransitionTime"] == first[0]["lastTransitionTime"]
    third = conditions.merged(second, Verdict(is_ready=True, reason="C"), 2, later)
    assert third[0]["lastTransitionTime"] == "2026-03-01T13:00:00Z"


def test_conditions_of_others_are_kept() -> None:
    other = {"type": "Overridden", "status": "True"}
    merged = conditions.merged([other], Verdict(is_ready=True, reason="A"), 1, NOON)
    assert [c["type"] for c in merged] == ["Ready", "Reconciling", "Stalled", "Overridden"]


@pytest.mark.parametrize(
    ("shown", "verdict", "expected"),
    [
        (("", ""), Verdict(is_ready=False, reason="Progressing", is_reconciling=True), True),
        (
            ("True", "Loaded"),
            Verdict(is_ready=True, reason="Progressing", is_reconciling=True),
            True,
        ),
        (
            ("True", "Progressing"),
            Verdict(is_ready=False, reason="Progressing", is_reconciling=True),
            False,
        ),
        (("False", "Progressing"), Verdict(is_ready=True, reason="Loaded"), True),
        (("True", "Loaded"), Verdict(is_ready=True, reason="Loaded"), False),
        (("True", "A"), Verdict(is_ready=False, reason="A", is_stalled=True), True),
    ],
)
def test_steps_of_what_goes_on_anyway_are_no_news(
    shown: tuple[str, str], verdict: Verdict, expected: bool
) -> None:
    assert status.is_news(shown, verdict) is expected


@pytest.mark.parametrize(
    ("current", "wanted", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "z": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({}, {"a": None}, {}),
        (
            {"runs": {"QUEUED": 1}},
            {"runs": {"SUCCESS": 1}},
            {"runs": {"QUEUED": None, "SUCCESS": 1}},
        ),
        ({"list": [1]}, {"list": [1]}, {}),
    ],
)
def test_only_differences_are_written(
    current: dict[str, object], wanted: dict[str, object], patch: dict[str, object]
) -> None:
    assert status.difference(current, wanted) == patch
