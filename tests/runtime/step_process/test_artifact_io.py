"""Outputs and inputs that go through the artifact endpoint."""

from __future__ import annotations

import pickle

import pytest
from ingest_double import Fault, IngestDouble
from step_runs import StepRuns

from opweave.wire import message
from opweave.wire.attempt import StoredOutput

DOWNSTREAM = """
from opweave import Definitions, job, op
@op
def make(): return 1
@op
def work(value):
    print(len(value), value[:3])
    return value
@job(name='work')
def work_job(): work(make())
"""


@pytest.fixture
def stored(ingest: IngestDouble) -> IngestDouble:
    source = StoredOutput(run_id="run-0", step_key="make", output_name="result")
    ingest.slice = message.replace(ingest.slice, inputs={"value": (source,)})
    return ingest


@pytest.mark.parametrize("size", [3, 5_000_000, 70_000_000])
def test_a_value_of_any_size_goes_in_and_out(
    stored: IngestDouble, steps: StepRuns, size: int
) -> None:
    """Small, above one block, and above what is kept in memory."""
    value = b"abc" + bytes(size - 3)
    stored.inputs["run-0/make/result"] = pickle.dumps(value, protocol=5)
    ended = steps.start("", file=DOWNSTREAM).wait()
    assert ended.code == 0, ended.stderr
    assert ended.stdout == f"{size} b'abc'\n".encode()
    assert pickle.loads(stored.outputs["result"]) == value


def test_a_load_survives_failing_replies(stored: IngestDouble, steps: StepRuns) -> None:
    """A reset and an unavailable server are tried again."""
    stored.inputs["run-0/make/result"] = pickle.dumps(b"abcd")
    stored.faults.extend([Fault("/inputs", 1, 0), Fault("/inputs", 2, 503)])
    assert steps.start("", file=DOWNSTREAM).wait().code == 0


def test_an_input_that_is_not_stored_is_explained(stored: IngestDouble, steps: StepRuns) -> None:
    """The error names the output and the step that should have written it."""
    steps.start("", file=DOWNSTREAM).wait()
    assert stored.outcome is not None
    assert "output 'result' of step 'make' of run run-0 is not stored" in str(stored.outcome)


def test_an_output_that_is_refused_fails_the_step(ingest: IngestDouble, steps: StepRuns) -> None:
    """Too large for the instance: the limit's own words reach the user."""
    ingest.faults.append(
        Fault("/outputs", 1, 413, {"code": "TooLarge", "message": "5 GiB at most"})
    )
    steps.run("return 1")
    assert ingest.outcome is not None
    assert ingest.outcome["type"] == "STEP_FAILURE"
    assert "5 GiB at most" in str(ingest.outcome)
