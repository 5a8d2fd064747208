"""The tables of life-cycles and the groups that are derived from them."""

from __future__ import annotations

import pytest

from opweave_operator.core import model, run_state, step_state


def test_every_run_status_is_queued_active_or_finished() -> None:
    """The groups cover the enum and do not overlap."""
    groups = [{model.RunStatus.QUEUED}, run_state.ACTIVE, run_state.FINISHED]
    assert set(model.RunStatus) == set().union(*groups)
    assert len(model.RunStatus) == sum(len(group) for group in groups)


def test_every_step_status_is_waiting_active_or_finished() -> None:
    """The groups cover the enum and do not overlap."""
    groups = [{model.StepStatus.WAITING}, step_state.ACTIVE, step_state.FINISHED]
    assert set(model.StepStatus) == set().union(*groups)
    assert len(model.StepStatus) == sum(len(group) for group in groups)


def test_nothing_follows_a_finished_status() -> None:
    """Terminal states are final."""
    assert not [s for s, _ in run_state.TRANSITIONS if s in run_state.FINISHED]
    assert not [s for s, _ in step_state.TRANSITIONS if s in step_state.FINISHED]


def test_what_can_be_cancelled_is_what_the_table_lets_end_by_a_cancel() -> None:
    """CANCELABLE agrees with the transitions."""
    by_table = {
        status
        for status, event in run_state.TRANSITIONS
        if event in (run_state.RunEvent.CANCEL_REQUESTED, run_state.RunEvent.CANCELED)
    }
    assert run_state.CANCELABLE == by_table - {model.RunStatus.CANCELING}


def test_an_illegal_event_raises() -> None:
    """A run that has ended cannot start."""
    with pytest.raises(run_state.IllegalTransition, match="SUCCESS cannot be STARTED"):
        run_state.advance(model.RunStatus.SUCCESS, run_state.RunEvent.STARTED)
    with pytest.raises(step_state.IllegalTransition, match="SKIPPED cannot be SUCCEEDED"):
        step_state.advance(model.StepStatus.SKIPPED, step_state.StepEvent.SUCCEEDED)
