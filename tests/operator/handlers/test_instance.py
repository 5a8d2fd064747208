"""Which of several controllers speaks for an Instance."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opweave_operator.handlers import instance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"loops": [{"name": "run-engine", "lastBeatAt": "2026-03-01T11:59:30Z"}]}, True),
        ({"loops": [{"name": "run-engine", "lastBeatAt": "2026-03-01T11:58:59Z"}]}, False),
        ({"loops": [{"name": "run-engine"}]}, False),
        ({}, False),
        (None, False),
    ],
)
def test_an_instance_with_a_fresh_beat_is_another_controllers(
    status: dict[str, object] | None, expected: bool
) -> None:
    """Two controllers that watch all namespaces do not overwrite each other's word."""
    assert instance.is_served_elsewhere({"status": status}, NOON) is expected
