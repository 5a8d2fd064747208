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
    ],
)
def test_the_note_says_why_a_location_does_not_serve(location: dict[str, Any], note: str) -> None:
    """Loading is told apart from failed."""
    [column] = [column for column in locations._COLUMNS if column.title == "NOTE"]
    assert column.value(location) == note
