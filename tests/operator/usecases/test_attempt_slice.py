"""What an attempt is told of its run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opweave.wire import attempt as wire_attempt
from opweave.wire import plan as wire_plan
from opweave.wire.attempt import ProducedOutput, StoredOutput
from opweave_operator.core import model
from opweave_operator.usecases import attempt_slice
from support import builders

CONFIG: dict[str, Any] = {
    "ops": {
        "load": {"config": {"url": "secret of load"}},
        "tidy": {
            "config": {"level": 1},
            "ops": {"clean": {"config": {"rows": 3}}, "sort": {"config": {"by": "day"}}},
        },
    },
    "resources": {"warehouse": {"config": {"host": {"env": "HOST"}}}},
    "loggers": {"console": {}},
}


@pytest.mark.parametrize(
    ("path", "ops"),
    [
        ("load", {"load": {"config": {"url": "secret of load"}}}),
        (
            "tidy.clean",
            {"tidy": {"config": {"level": 1}, "ops": {"clean": {"config": {"rows": 3}}}}},
        ),
        ("tidy.other", {"tidy": {"config": {"level": 1}}}),
    ],
)
def test_a_step_sees_its_own_config_and_the_resources(path: str, ops: dict[str, Any]) -> None:
    """Not that of its neighbours."""
    assert {
        "ops": ops,
        "resources": CONFIG["resources"],
        "loggers": CONFIG["loggers"],
    } == attempt_slice.cut_config(CONFIG, path)


@pytest.mark.parametrize("config", [{}, {"ops": None}, {"ops": []}, {"ops": {"a": 3}}, {"ops": {}}])
def test_config_of_any_shape_is_cut(config: dict[str, Any]) -> None:
    """A user wrote it, and a code server of any age filled it in."""
    cut = attempt_slice.cut_config(config, "a.b")

    assert cut in ({}, {"ops": {"a": 3}})


def test_members_of_a_dynamic_output_and_skipped_sources() -> None:
    """Each produced member is listed; a source that stored nothing, and order-only inputs, are not."""
    state = _with_outputs(
        builders.run_state(builders.planned("a"), builders.planned("b"), builders.planned("c")),
        a=(
            ProducedOutput(name="result", mapping_key="x"),
            ProducedOutput(name="result", mapping_key="y"),
        ),
        b=(),
    )
    sources = tuple(wire_plan.OutputRef(step_key=key) for key in ("b", "a", "c"))

    collecting = wire_plan.StepInput(name="in", sources=sources)
    stored = attempt_slice.stored_inputs(state, builders.planned("total"), collecting)

    run_id = state.run.id
    assert (
        StoredOutput(run_id=run_id, step_key="a", output_name="result", mapping_key="x"),
        StoredOutput(run_id=run_id, step_key="a", output_name="result", mapping_key="y"),
    ) == stored


def test_a_mapped_step_reads_its_own_member_only() -> None:
    """Of the dynamic output that it is mapped over, others belong to its neighbours."""
    source = wire_plan.OutputRef(step_key="a")
    item = wire_plan.StepInput(name="in", sources=(source,))
    mapped = wire_plan.PlannedStep(key="b[y]", op="b", inputs=(item,), mapped_over=source)
    members = tuple(ProducedOutput(name="result", mapping_key=key) for key in ("x", "y"))
    state = _with_outputs(builders.run_state(builders.planned("a"), mapped), a=members)
    run_id = state.run.id

    stored = attempt_slice.stored_inputs(state, mapped, item)

    own = StoredOutput(run_id=run_id, step_key="a", output_name="result", mapping_key="y")
    other = StoredOutput(run_id=run_id, step_key="a", output_name="result", mapping_key="x")
    assert (own,) == stored
    assert attempt_slice.depends_on(state.run.plan, "b[y]", own)
    assert not attempt_slice.depends_on(state.run.plan, "b[y]", other)


def test_a_dynamic_steps_key_gives_its_path_and_its_member() -> None:
    """``tidy.clean[x]`` is the op ``tidy.clean`` for member ``x``."""
    nothing = wire_plan.StepInput(
        name="after", sources=(wire_plan.OutputRef(step_key="a"),), is_nothing=True
    )
    dynamic = wire_plan.PlannedStep(key="tidy.clean[x]", op="clean", inputs=(nothing,))
    state = _with_outputs(
        builders.run_state(builders.planned("a"), dynamic), a=(ProducedOutput(name="result"),)
    )
    key = model.StepKey("tidy.clean[x]")
    attempt = model.Attempt(number=2, next_seq=7)
    step = replace(state.steps[key], attempts=(model.Attempt(number=1), attempt))
    state = replace(state, steps={**state.steps, key: step})

    cut = attempt_slice.cut(state, key, 2)

    assert ("tidy.clean", "x", 2, 7, {}) == (
        cut.op_path,
        cut.mapping_key,
        cut.attempt,
        cut.first_seq,
        cut.inputs,
    )


def _with_outputs(
    state: model.RunState, **outputs: tuple[wire_attempt.ProducedOutput, ...]
) -> model.RunState:
    """Return *state* with steps that have succeeded with *outputs*."""
    steps = dict(state.steps)
    for name, produced in outputs.items():
        outcome = model.Outcome(
            status=model.AttemptStatus.SUCCESS,
            source=model.OutcomeSource.INGEST,
            at=builders.NOON,
            outputs=produced,
        )
        attempt = model.Attempt(number=1, status=model.AttemptStatus.SUCCESS, outcome=outcome)
        key = model.StepKey(name)
        steps[key] = replace(steps[key], status=model.StepStatus.SUCCESS, attempts=(attempt,))
    return replace(state, steps=steps)
