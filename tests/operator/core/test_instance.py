"""Settings read from a spec that another version, or nobody, has validated."""

from __future__ import annotations

import pytest

from opweave_operator.core import instance, run_queue


def test_tag_limits_are_read_in_their_order() -> None:
    """One for a value, one for each value."""
    spec = {
        "runQueue": {
            "tagLimits": [
                {"key": "team", "value": "a", "limit": 2},
                {"key": "team", "valuePerUnique": True, "limit": 0},
            ]
        }
    }
    limits = instance.queue_limits(spec, {})
    assert (
        run_queue.TagLimit(key="team", value="a", limit=2),
        run_queue.TagLimit(key="team", value=None, limit=0),
    ) == limits.tag_limits


@pytest.mark.parametrize(
    "entry",
    [
        "team",
        {"key": "team", "limit": 1},
        {"key": "team", "value": "a", "limit": -1},
        {"key": "team", "value": "a", "limit": True},
        {"key": "team", "value": 3, "limit": 1},
        {"key": 7, "value": "a", "limit": 1},
        {"key": "team", "valuePerUnique": "yes", "limit": 1},
    ],
)
def test_an_entry_that_cannot_be_understood_leaves_the_others_alone(entry: object) -> None:
    """A controller goes on with what it understands."""
    good = {"key": "team", "value": "b", "limit": 1}
    limits = instance.queue_limits({"runQueue": {"tagLimits": [entry, good]}}, {})
    assert (run_queue.TagLimit(key="team", value="b", limit=1),) == limits.tag_limits


@pytest.mark.parametrize("queue", [None, [], {"tagLimits": None}, {"tagLimits": {"key": "a"}}])
def test_no_list_of_tag_limits_is_no_limit(queue: object) -> None:
    """Whatever stands in its place."""
    assert () == instance.queue_limits({"runQueue": queue}, {}).tag_limits
