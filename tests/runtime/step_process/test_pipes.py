"""Programs with pipes below a whole step process."""

from __future__ import annotations

import json
import os

import pytest
from ingest_double import IngestDouble
from step_runs import StepRuns

RUN = """
from opweave import PipesSubprocessClient
from textwrap import dedent
PipesSubprocessClient(termination_timeout_seconds={grace}).run(
    context=context, command=[sys.executable, "-c", dedent('''{code}''')])
"""


def test_messages_of_the_program_are_events_of_the_step(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    code = "from opweave_pipes import *\nwith open_opweave_pipes() as c: c.log.info('hello from below')"
    ended = steps.run(RUN.format(grace=5, code=code.replace("\n", "\\n")))
    assert ended.code == 0, ended.stderr
    assert "hello from below" in [event["message"] for event in ingest.events]


def test_the_exit_code_of_the_program_stands_in_the_failure(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    assert steps.run(RUN.format(grace=5, code="raise SystemExit(9)")).code == 1
    assert ingest.outcome is not None
    assert ingest.outcome["type"] == "STEP_FAILURE"
    assert "exit code 9" in json.dumps(ingest.outcome["payload"])


@pytest.mark.parametrize("ignores", [False, True])
def test_the_program_ends_when_the_step_is_told_to_stop(
    ingest: IngestDouble, steps: StepRuns, ignores: bool
) -> None:
    """By SIGINT, or by force when it does not listen; the step waits for it."""
    ignoring = "signal.signal(signal.SIGINT, signal.SIG_IGN); " if ignores else ""
    code = f"import os, signal, sys; {ignoring}print('pid', os.getpid(), file=sys.stderr, flush=True); signal.pause()"
    run = steps.start(RUN.format(grace=0.5, code=code))
    assert run.process.stderr is not None
    (pid,) = (
        int(line.split()[1]) for line in [next(x for x in run.process.stderr if b"pid " in x)]
    )
    run.stop()
    assert run.wait().code == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert ingest.outcome is not None
    assert ingest.outcome["type"] == "STEP_FAILURE"
