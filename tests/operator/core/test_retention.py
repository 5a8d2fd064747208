"""How long history is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opweave_operator.core import retention
from opweave_operator.core.retention import Retention


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12h", timedelta(hours=12)),
        ("90d", timedelta(days=90)),
        ("26w", timedelta(weeks=26)),
        ("99999w", timedelta(weeks=99999)),
        ("0d", None),
        ("100000d", None),
        ("1", None),
        ("1m", None),
        ("-1d", None),
        ("1d ", None),
        ("\u0661d", None),
        (30, None),
        (None, None),
    ],
)
def test_a_time_is_a_number_and_a_unit(text: object, expected: timedelta | None) -> None:
    """As the manifest's rule has it."""
    assert expected == retention.duration(text)


def test_ticks_are_kept_a_month_unless_told_otherwise() -> None:
    """Everything else for ever."""
    assert Retention(ticks=timedelta(days=30)) == retention.retention({})
    assert Retention(
        runs=timedelta(days=180), compute_logs=timedelta(days=7), ticks=timedelta(hours=1)
    ) == retention.retention({"retention": {"runs": "180d", "computeLogs": "7d", "ticks": "1h"}})


@pytest.mark.parametrize("spec", [{"retention": "90d"}, {"retention": {"runs": "soon"}}])
def test_what_cannot_be_understood_deletes_no_run(spec: dict[str, object]) -> None:
    """What is deleted is lost."""
    assert retention.retention(spec).runs is None
