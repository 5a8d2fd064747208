"""A run whose steps report in any order, again and too late, against a model of a few lines."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.storage import Stores, engine, open_stores
from run_builders import a_run, an_outcome, append, reported, request_attempt

KEYS = [model.StepKey("a"), model.StepKey("b")]
FINAL = [model.AttemptStatus.SUCCESS, model.AttemptStatus.FAILURE, model.AttemptStatus.LOST]


class Reports(stateful.RuleBasedStateMachine):
    """Reports of two steps; the model is the list of what must be stored, and who is open."""

    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="opweave-reports-"))
        shutil.copy(self.migrated, self.directory / "opweave.db")
        self.runner = asyncio.Runner()
        self.stores = self.open()
        self.run = a_run(*KEYS)
        self.runner.run(self.stores.runs.create(self.run, []))
        self.log: list[tuple[str, int, int]] = []
        self.attempts = dict.fromkeys(KEYS, 0)
        self.next_seq: dict[tuple[str, int], int] = {}
        self.closed: set[tuple[str, int]] = set()

    def open(self) -> Stores:
        url = f"sqlite:///{self.directory / 'opweave.db'}"

        async def open_now() -> Stores:
            return open_stores(engine.open_database(url), self.directory)

        return self.runner.run(open_now())

    def load(self) -> model.RunState:
        state = self.runner.run(self.stores.runs.load(self.run.id))
        assert state is not None
        return state

    def teardown(self) -> None:
        self.runner.run(self.stores.close())
        self.runner.close()
        shutil.rmtree(self.directory)

    @stateful.rule(key=st.sampled_from(KEYS))
    def request(self, key: model.StepKey) -> None:
        """The engine gives the step an attempt, if the last one was lost."""
        newest = (key, self.attempts[key])
        state = self.load()
        if self.attempts[key] and (
            newest not in self.closed or state.steps[key].status is not model.StepStatus.STARTING
        ):
            return
        self.runner.run(self.stores.runs.transact(self.run.id, request_attempt(key)))
        self.attempts[key] += 1
        self.next_seq[key, self.attempts[key]] = 0

    @stateful.rule(
        key=st.sampled_from(KEYS),
        back=st.integers(0, 1),
        offset=st.integers(-6, 2),
        count=st.integers(1, 12),
        final=st.none() | st.sampled_from(FINAL),
    )
    def report(
        self,
        key: model.StepKey,
        back: int,
        offset: int,
        count: int,
        final: model.AttemptStatus | None,
    ) -> None:
        """A process reports from about where it should."""
        number = self.attempts[key] - back
        attempt = (key, number)
        ref = ports.AttemptRef(run_id=self.run.id, step_key=key, number=number)
        expected = self.next_seq.get(attempt, 0)
        first = max(0, expected + offset)
        events = reported(*range(first, first + count))
        outcome = an_outcome(final) if final else None
        call = append(self.stores, ref, events, outcome)
        is_open = back == 0 and number > 0 and attempt not in self.closed
        if attempt in self.next_seq and first + count <= expected:
            assert self.runner.run(call) == expected
        elif not is_open:
            with pytest.raises(ports.AttemptClosed):
                self.runner.run(call)
        elif first > expected:
            with pytest.raises(ports.SequenceGap) as gap:
                self.runner.run(call)
            assert gap.value.expected == expected
        else:
            assert self.runner.run(call) == first + count
            self.log += [(key, number, seq) for seq in range(expected, first + count)]
            self.next_seq[attempt] = first + count
            if final:
                self.closed.add(attempt)

    @stateful.rule()
    def restart(self) -> None:
        """The process that takes reports is replaced."""
        self.runner.run(self.stores.close())
        self.stores = self.open()

    @stateful.invariant()
    def log_is_the_model(self) -> None:
        """The log is gapless and holds what was accepted, in that order."""
        stored = self.runner.run(self.stores.events.events(self.run.id, limit=10_000))
        assert [event.number for event in stored] == list(range(len(stored)))
        assert [(e.step_key, e.attempt, e.seq) for e in stored] == self.log

    @stateful.invariant()
    def state_is_the_model(self) -> None:
        state = self.load()
        found = {
            (key, attempt.number): (attempt.next_seq, not attempt.is_open)
            for key, step in state.steps.items()
            for attempt in step.attempts
        }
        expected = {a: (seq, a in self.closed) for a, seq in self.next_seq.items()}
        assert found == expected


def test_reports_in_any_order(migrated_file: Path) -> None:
    Reports.migrated = migrated_file
    stateful.run_state_machine_as_test(
        Reports,
        settings=hypothesis.settings(
            max_examples=25, stateful_step_count=25, deadline=None, database=None
        ),
    )
