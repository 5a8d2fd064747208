"""The quick way to decode a batch gives what the codec gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave.wire import codec
from opweave.wire.attempt import EventBatch, EventType
from opweave_operator.api import event_batch

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_kinds = (
    st.sampled_from([kind.value for kind in EventType])
    | st.from_regex(r"[A-Z][A-Z_]{0,9}", fullmatch=True)
    | _json
)
_events = st.fixed_dictionaries(
    {"seq": st.integers() | _json, "type": _kinds, "at": st.text() | _json},
    optional={
        "message": st.text() | _json,
        "payload": st.dictionaries(st.text(), _json, max_size=3) | _json,
        "unknown": _json,
    },
)
_batches = st.fixed_dictionaries(
    {"events": st.lists(_events | _json, max_size=4) | _json},
    optional={"wire_version": st.integers() | _json, "unknown": _json},
)


@given(_batches | _json)
def test_both_ways_agree_on_any_input(data: Any) -> None:
    """The same batch, or the same error, once types of a newer runtime are named so."""
    known = data
    if isinstance(data, dict) and isinstance(data.get("events"), list):
        known = {**data, "events": [event_batch.with_known_type(e) for e in data["events"]]}
    assert _result(lambda: codec.decode(EventBatch, known)) == _result(
        lambda: event_batch.decode(data)
    )


def test_an_event_of_a_newer_runtime_is_kept() -> None:
    """Images of different ages meet here: a step that tells more than we know goes on."""
    payload = {"rows": 3}
    newer = {"seq": 1, "type": "FRESHNESS_TOLD", "at": "x", "message": "m", "payload": payload}
    known = {"seq": 0, "type": "STEP_START", "at": "x", "message": "", "payload": {}}

    batch = event_batch.decode({"events": [known, newer]})

    assert [EventType.STEP_START, EventType.UNKNOWN] == [event.type for event in batch.events]
    assert ("m", {"event_type": "FRESHNESS_TOLD", "payload": payload}) == (
        batch.events[1].message,
        batch.events[1].payload,
    )


@pytest.mark.parametrize("kind", ["", "step_start", "A" * 65, "É", "A B", 7])
def test_what_is_no_type_at_all_is_refused(kind: object) -> None:
    """Only what could be a name of a type is kept."""
    with pytest.raises(codec.WireError):
        event_batch.decode({"events": [{"seq": 0, "type": kind, "at": "x"}]})


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "seq": st.integers(),
                "type": st.sampled_from([kind.value for kind in EventType]),
                "at": st.text(),
                "message": st.text(),
                "payload": st.dictionaries(st.text(), _json, max_size=3),
            }
        )
    )
)
def test_a_usual_batch_is_decoded(events: list[dict[str, Any]]) -> None:
    """What every step sends."""
    batch = event_batch.decode({"events": events, "wire_version": 1})

    assert events == codec.encode(batch)["events"]


def _result(decode: Any) -> object:
    try:
        return decode()
    except codec.WireError as error:
        return str(error)
