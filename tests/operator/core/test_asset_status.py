"""When an asset is fresh, stale or missing, and why."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from opweave.wire.attempt import CODE_VERSION_TAG, INPUT_VERSION_TAG_PREFIX
from opweave.wire.location import AssetSnapshot
from opweave_operator.core.asset_status import CauseCategory, StaleStatus, statuses
from opweave_operator.core.assets import AssetEvent, AssetEventKind, AssetState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def node(key: str, *upstream: str, code: str | None = None, op: str | None = "op") -> AssetSnapshot:
    return AssetSnapshot(key=key, upstream=upstream, code_version=code, op=op)


def written(key: str, version: str, code: str = "1", **inputs: str) -> AssetState:
    tags = {CODE_VERSION_TAG: code}
    tags |= {f"{INPUT_VERSION_TAG_PREFIX}{k}": v for k, v in inputs.items()}
    event = AssetEvent(
        id=1,
        key=key,
        kind=AssetEventKind.MATERIALIZATION,
        at=NOW,
        run_id="r",
        tags=tags,
        data_version=version,
    )
    return AssetState(key=key, materialization=event)


def categories(nodes: list[AssetSnapshot], *states: AssetState) -> dict[str, list[CauseCategory]]:
    found = statuses(nodes, {state.key: state for state in states})
    return {key: [cause.category for cause in status.causes] for key, status in found.items()}


def test_what_was_never_written_is_missing_and_what_others_write_is_fresh() -> None:
    found = statuses([node("a"), node("e", op=None)], {})
    assert (found["a"].status, found["e"].status) == (StaleStatus.MISSING, StaleStatus.FRESH)


def test_new_data_new_code_and_other_dependencies_are_told_apart() -> None:
    nodes = [node("a", code="2"), node("b", "a"), node("c", "a", "b")]
    told = categories(
        nodes, written("a", "a2", code="1"), written("b", "b1", a="a1"), written("c", "c1", x="?")
    )
    assert told == {
        "a": [CauseCategory.CODE],
        "b": [CauseCategory.DATA],
        "c": [CauseCategory.DEPENDENCIES] * 3,
    }


def test_below_what_is_stale_all_is_stale() -> None:
    nodes = [node("a", code="2"), node("b", "a"), node("c", "b")]
    told = categories(
        nodes, written("a", "a1"), written("b", "b1", a="a1"), written("c", "c1", b="b1")
    )
    assert told["b"] == told["c"] == [CauseCategory.DEPENDENCIES]


def test_an_upstream_that_nobody_wrote_is_no_cause() -> None:
    nodes = [node("e", op=None), node("a", "e")]
    assert categories(nodes, written("a", "1", e="INITIAL"))["a"] == []


@given(st.data())
def test_a_graph_that_was_made_in_order_is_fresh_and_one_change_spreads_downstream_only(
    data: st.DataObject,
) -> None:
    """Against the plain definition: stale is what can be reached from what changed."""
    count = data.draw(st.integers(1, 8))
    ups = [
        sorted(data.draw(st.sets(st.integers(0, i - 1), max_size=3))) if i else []
        for i in range(count)
    ]
    nodes = [node(str(i), *(str(u) for u in ups[i])) for i in range(count)]
    states = {
        str(i): written(str(i), f"v{i}", **{str(u): f"v{u}" for u in ups[i]}) for i in range(count)
    }
    assert all(s.status is StaleStatus.FRESH for s in statuses(nodes, states).values())
    changed = data.draw(st.integers(0, count - 1))
    inputs = {str(u): f"v{u}" for u in ups[changed]}
    states[str(changed)] = written(str(changed), "new", **inputs)
    reached = {changed}
    for i in range(count):
        if reached & set(ups[i]):
            reached.add(i)
    stale = {k for k, s in statuses(nodes, states).items() if s.status is StaleStatus.STALE}
    assert stale == {str(i) for i in reached - {changed}}


def test_five_thousand_assets_are_judged_in_half_a_second() -> None:
    nodes = [node(str(i), *(str(u) for u in range(max(0, i - 3), i))) for i in range(5000)]
    states = {n.key: written(n.key, f"v{n.key}", **{u: f"v{u}" for u in n.upstream}) for n in nodes}
    started = time.process_time()
    found = statuses(nodes, states)
    assert time.process_time() - started < 0.5
    assert len(found) == 5000
