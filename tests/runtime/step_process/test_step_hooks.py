"""Hooks of a step that runs in a process of its own."""

from __future__ import annotations

import pytest
from ingest_double import IngestDouble
from step_runs import StepRuns

HOOKS = """
from opweave import Definitions, failure_hook, job, op, success_hook

@success_hook
def tell_success(context):
    context.log.info(f"gave {{context.op_output_values}}")

@failure_hook
def tell_failure(context):
    context.log.info(f"raised {{context.op_exception!r}}")

@op
def work():
    {body}

@job(name="work", hooks={{tell_success, tell_failure}})
def work_job():
    work()

defs = Definitions(jobs=[work_job])
"""


@pytest.mark.parametrize(
    ("body", "message", "outcome"),
    [
        ("return 7", "gave {'result': 7}", "STEP_SUCCESS"),
        ("raise ValueError('no rows')", "raised ValueError('no rows')", "STEP_FAILURE"),
        ("raise SystemExit(3)", "raised SystemExit(3)", "STEP_FAILURE"),
    ],
)
def test_hooks_are_called_before_the_outcome_is_told(
    ingest: IngestDouble, steps: StepRuns, body: str, message: str, outcome: str
) -> None:
    """So that what they log belongs to the attempt, whose last event is its outcome."""
    steps.run("", file=HOOKS.format(body=body))
    assert message in [event["message"] for event in ingest.events]
    assert ingest.types[-1] == outcome
    assert {"HOOK_COMPLETED", "HOOK_SKIPPED"} <= set(ingest.types)
