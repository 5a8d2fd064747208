"""What the list of code locations says of one that does not serve."""

from __future__ import annotations

from typing import Any

import pytest

from opweave._cli import locations

FAILURE = {"reason": "ImportFailed", "message": "no duckdb (defs.py:3)"}


@pytest.mark.parametrize(
    ("location", "note"),
    [
        ({"isServing": True, "loadFailure": None}, ""),
        ({"isServing": False, "loadFailure": None}, "still loading"),
        ({"isServing": False, "loadFailure": FAILURE}, "ImportFailed: no duckdb (defs.py:3)"),
        (
            {"isServing": True, "loadFailure": FAILURE},
            "previous version serves; ImportFailed: no duckdb (defs.py:3)",
        ),
    ],
)
def test_the_note_says_why_a_location_does_not_serve(location: dict[str, Any], note: str) -> None:
    """Loading is told apart from failed."""
    [column] = [column for column in locations._COLUMNS if column.title == "NOTE"]
    assert column.value(location) == note


@pytest.mark.parametrize(
    ("is_serving", "failure", "ready"),
    [(True, None, "True"), (True, FAILURE, "False"), (False, None, "False")],
)
def test_ready_means_what_the_condition_ready_means(
    is_serving: bool, failure: dict[str, str] | None, ready: str
) -> None:
    """A location whose newest version cannot be loaded is not ready, as in kubectl, although an older one serves."""
    [column] = [column for column in locations._COLUMNS if column.title == "READY"]
    assert ready == column.value({"isServing": is_serving, "loadFailure": failure})
