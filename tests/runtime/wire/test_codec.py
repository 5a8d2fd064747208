"""Messages and their decoding from hostile input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave.wire import attempt, codec, location, message, plan

EVENT = {"seq": 3, "type": "LOG_MESSAGE", "at": "2026-03-01T12:00:00+00:00"}


def test_a_message_survives_the_way_over_json() -> None:
    """Nested messages, tuples, mappings and enums come back equal."""
    step = plan.PlannedStep(
        key="a.b",
        op="b",
        inputs=(plan.StepInput(name="x", sources=(plan.OutputRef(step_key="a.c"),)),),
        outputs=(plan.StepOutput(is_required=False),),
        tags={"team": "data"},
        pod={"containerConfig": {"resources": {"limits": {"cpu": 1}}}},
        retry_policy=plan.RetryPolicy(delay_seconds=0.5, backoff=plan.Backoff.EXPONENTIAL),
    )
    sent = plan.RunPlan(job="daily", steps=(step,), run_config={"ops": {}})
    assert sent == codec.decode(plan.RunPlan, json.loads(json.dumps(codec.encode(sent))))
    assert ("a.c",) == step.upstream_keys


def test_fields_that_a_newer_writer_added_are_ignored() -> None:
    """And fields that an older one did not know have their defaults."""
    event = codec.decode(attempt.Event, {**EVENT, "colour": "red"})
    assert attempt.Event(seq=3, type=attempt.EventType.LOG_MESSAGE, at=EVENT["at"]) == event


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "Event: expected an object, found []"),
        ({**EVENT, "seq": "3"}, "seq: expected int, found '3'"),
        ({**EVENT, "seq": True}, "seq: expected int, found True"),
        ({**EVENT, "type": "NOISE"}, "type: expected one of RUN_ENQUEUED"),
        ({**EVENT, "type": []}, "type: expected one of"),
        ({"seq": 1, "type": "LOG_MESSAGE"}, "at: required field is missing"),
        ({**EVENT, "payload": []}, "payload: expected an object, found []"),
        ({**EVENT, "message": None}, "message: expected"),
    ],
)
def test_what_has_not_the_shape_is_refused_with_its_place(data: Any, told: str) -> None:
    """The message names the field, what was expected and what came."""
    with pytest.raises(codec.WireError) as caught:
        codec.decode(attempt.Event, data)
    assert told in str(caught.value)


def test_the_place_of_a_nested_culprit_is_its_path() -> None:
    """Through lists and messages."""
    batch = {"events": [EVENT, {**EVENT, "seq": None}]}
    with pytest.raises(codec.WireError, match=r"events\[1\]\.seq"):
        codec.decode(attempt.EventBatch, batch)


def test_a_list_that_is_too_long_is_refused() -> None:
    """Before its members are looked at."""
    with pytest.raises(codec.WireError, match="more than the 100000"):
        codec.decode(attempt.EventBatch, {"events": [0] * 100_001})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
KEYS = ("seq", "type", "at", "payload", "steps", "job", "state", "failure", "success", "outputs")


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6))
def test_any_json_is_decoded_or_refused(data: dict[str, Any]) -> None:
    """Nothing but `WireError` comes out of decoding."""
    for cls in (attempt.TerminationMessage, plan.RunPlan, location.LocationHealth):
        try:
            codec.decode(cls, data)
        except codec.WireError:
            continue


def test_messages_are_records() -> None:
    """Equal by value, hashable, shown with their fields, immutable, strict about their names."""
    ref = plan.OutputRef(step_key="a")
    assert ref == plan.OutputRef(step_key="a", output_name="result")
    assert hash(ref) == hash(plan.OutputRef(step_key="a"))
    assert ref != plan.StepOutput(name="a")
    shown = "OutputRef(step_key='a', output_name='result', run_id=None, mapping_key=None)"
    assert shown == repr(ref)
    assert plan.OutputRef(step_key="b") == message.replace(ref, step_key="b")
    with pytest.raises(AttributeError, match="cannot be changed"):
        ref.step_key = "b"  # type: ignore[misc]  # what is refused
    with pytest.raises(TypeError, match="needs step_key"):
        plan.OutputRef()  # type: ignore[call-arg]  # what is refused
    with pytest.raises(TypeError, match="has no field colour"):
        plan.OutputRef(step_key="a", colour=1)  # type: ignore[call-arg]  # what is refused


def test_defaults_are_not_shared() -> None:
    """A mapping that is made for one message is not another's."""
    first, second = (
        attempt.AttemptSlice(run_id="r", job="j", step_key="s", attempt=1, op_path="s")
        for _ in "ab"
    )
    assert first.tags is not second.tags
