"""Runs that go wrong: each ends, or waits, with a reason that people understand."""

from __future__ import annotations

import pytest

from support.runs import Location

pytestmark = pytest.mark.cluster


def test_a_chain_succeeds(faults: Location) -> None:
    run = faults.succeed("chain")

    assert run.statuses() == {"first": "SUCCESS", "second": "SUCCESS", "third": "SUCCESS"}
