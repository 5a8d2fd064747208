"""What every `ports.AssetStore` promises, together with the event store that feeds it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from opweave.wire import attempt as wire_attempt
from opweave.wire.attempt import DATA_VERSION_TAG, EventType
from opweave_operator.core.assets import AssetEvent, AssetEventKind
from opweave_operator.storage import Stores
from run_builders import NOW, append, with_attempt


def event(seq: int, type_: EventType, **payload: Any) -> wire_attempt.Event:
    """Return an event of a step about an asset."""
    return wire_attempt.Event(seq=seq, type=type_, at=NOW.isoformat(), payload=payload)


def written(seq: int, key: list[str], version: str = "v") -> wire_attempt.Event:
    """Return the event of a materialisation."""
    return event(
        seq,
        EventType.ASSET_MATERIALIZATION,
        asset_key=key,
        metadata={"rows": {"type": "int", "value": seq}},
        tags={DATA_VERSION_TAG: version, "opweave/input_data_version/up": "u"},
        output="result",
        is_stored=True,
    )


async def test_events_of_a_step_become_the_latest_state_and_the_history(stores: Stores) -> None:
    """The last of each kind is the state; all are the history, newest first."""
    ref = await with_attempt(stores)
    seen = event(2, EventType.ASSET_OBSERVATION, asset_key=["a", "b"], tags={DATA_VERSION_TAG: "o"})
    await append(stores, ref, [written(0, ["a", "b"], "1"), written(1, ["a", "b"], "2"), seen])
    state = (await stores.assets.states())["a/b"]
    assert state.materialization is not None
    assert (state.materialization.data_version, state.data_version) == ("2", "o")
    assert state.materialization.metadata == {"rows": {"type": "int", "value": 1}}
    assert state.materialization.input_versions == {"up": "u"}
    assert (state.materialization.run_id, state.materialization.output) == (ref.run_id, "result")
    history = await stores.assets.history("a/b")
    assert [e.data_version for e in history] == ["o", "2", "1"]


async def test_repeated_events_are_recorded_once(stores: Stores) -> None:
    """A batch that is sent again adds nothing."""
    ref = await with_attempt(stores)
    await append(stores, ref, [written(0, ["a"])])
    await append(stores, ref, [written(0, ["a"]), written(1, ["a"])])
    assert len(await stores.assets.history("a")) == 2


async def test_a_history_is_paged_by_its_entries(stores: Stores) -> None:
    """Pages of any size meet without gap or overlap."""
    ref = await with_attempt(stores)
    await append(stores, ref, [written(seq, ["a"], str(seq)) for seq in range(7)])
    found: list[str] = []
    before = None
    while page := await stores.assets.history("a", before=before, limit=3):
        found += [e.data_version for e in page]
        before = page[-1].id
    assert found == [str(seq) for seq in reversed(range(7))]
    kinds = (AssetEventKind.OBSERVATION,)
    assert await stores.assets.history("a", kinds=kinds) == []


async def test_the_latest_outlives_its_run_and_its_events(stores: Stores) -> None:
    """Removing all runs with all that belongs to them loses nothing of assets."""
    ref = await with_attempt(stores)
    await append(stores, ref, [written(0, ["a"])])
    await stores.database.write(lambda connection: connection.execute(text("DELETE FROM events")))
    await stores.database.write(lambda connection: connection.execute(text("DELETE FROM runs")))
    assert "a" in await stores.assets.states()
    assert len(await stores.assets.history("a")) == 1


async def test_each_check_has_its_last_verdict(stores: Stores) -> None:
    """Verdicts are kept by asset and name."""
    ref = await with_attempt(stores)

    def verdict(seq: int, name: str, passed: bool) -> wire_attempt.Event:
        return event(
            seq,
            EventType.ASSET_CHECK_EVALUATION,
            asset_key=["a"],
            check_name=name,
            passed=passed,
            severity="WARN",
        )

    await append(
        stores, ref, [verdict(0, "x", False), verdict(1, "y", False), verdict(2, "x", True)]
    )
    verdicts = {e.check_name: (e.passed, e.severity) for e in await stores.assets.verdicts(["a"])}
    assert verdicts == {"x": (True, "WARN"), "y": (False, "WARN")}
    assert await stores.assets.states() == {}


async def test_a_payload_of_another_shape_stays_in_the_log_only(stores: Stores) -> None:
    """A hostile step cannot break the catalogue, nor lose its events."""
    ref = await with_attempt(stores)
    odd: list[Any] = [None, 1, "a", [], [1], [""], ["x" * 600], {"a": 1}, ["a\0"], ["\ud800"]]
    batch = [event(i, EventType.ASSET_MATERIALIZATION, asset_key=k) for i, k in enumerate(odd)]
    batch.append(
        event(
            len(odd),
            EventType.ASSET_MATERIALIZATION,
            asset_key=["ok"],
            output="\0",
            tags=[1],
            metadata=2,
        )
    )
    assert await append(stores, ref, batch) == len(batch)
    assert len(await stores.assets.states()) == 1
    assert len(await stores.events.events(ref.run_id)) >= len(batch)


async def test_reports_from_outside_have_no_run(stores: Stores) -> None:
    """They are entries as any."""
    told = AssetEvent(key="a", kind=AssetEventKind.MATERIALIZATION, at=NOW, data_version="x")
    await stores.assets.report([told])
    state = (await stores.assets.states(["a", "b"]))["a"]
    assert state.materialization is not None
    assert (state.materialization.run_id, state.data_version) == ("", "x")


async def test_wiping_forgets_one_asset(stores: Stores) -> None:
    """The others stay."""
    ref = await with_attempt(stores)
    await append(stores, ref, [written(0, ["a"]), written(1, ["b"])])
    assert await stores.assets.wipe("a")
    assert not await stores.assets.wipe("a")
    assert set(await stores.assets.states()) == {"b"}
    assert await stores.assets.history("a") == []


async def test_who_wrote_an_asset_is_known(stores: Stores) -> None:
    """Only the step of the run that told of it."""
    ref = await with_attempt(stores)
    await append(stores, ref, [written(0, ["a"])])
    assert await stores.assets.wrote({"a", "b"}, ref.run_id, ref.step_key)
    assert not await stores.assets.wrote({"b"}, ref.run_id, ref.step_key)
    assert not await stores.assets.wrote({"a"}, ref.run_id, "other")


async def test_many_keys_are_read_at_once(stores: Stores) -> None:
    """More keys than a statement takes parameters."""
    events = [
        AssetEvent(key=f"k{i}", kind=AssetEventKind.MATERIALIZATION, at=NOW) for i in range(1200)
    ]
    await stores.assets.report(events)
    assert len(await stores.assets.states([f"k{i}" for i in range(1200)])) == 1200
