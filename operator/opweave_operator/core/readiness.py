"""Whether a waiting step may run, must be skipped, or has to wait, judged by its upstream steps alone."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from opweave.wire import plan as wire_plan
from opweave_operator.core import model, step_state
from opweave_operator.core.model import StepStatus


class Verdict(enum.StrEnum):
    """What a waiting step's upstreams say."""

    WAIT = "WAIT"
    RUN = "RUN"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reason, in CamelCase and in words."""

    verdict: Verdict
    reason: str = ""
    message: str = ""


_WAIT = Judgement(verdict=Verdict.WAIT)
_RUN = Judgement(verdict=Verdict.RUN)


def judge(planned: wire_plan.PlannedStep, steps: Mapping[model.StepKey, model.Step]) -> Judgement:
    """Return what the upstreams of *planned* allow.

    It waits until every upstream has ended. It is skipped when an upstream failed or was itself skipped for that, when
    an output that it needs was not yielded, or when none of the sources of a fan-in was; a fan-in of which some sources
    are missing runs without them.
    """
    upstream = [steps[model.StepKey(key)] for key in planned.upstream_keys]
    if any(step.status not in step_state.FINISHED for step in upstream):
        return _WAIT
    for step in upstream:
        if step.status is StepStatus.FAILURE or step.reason == "UpstreamFailed":
            return _skip("UpstreamFailed", f"upstream step {step.key} failed")
        if step.status is StepStatus.CANCELED:
            return _skip("UpstreamCanceled", f"upstream step {step.key} was cancelled")
    for step_input in planned.inputs:
        missing = [
            ref for ref in step_input.sources if ref.run_id is None and not is_produced(ref, steps)
        ]
        if missing and (not step_input.is_fan_in or len(missing) == len(step_input.sources)):
            return _skip(
                "UpstreamSkipped",
                f'input "{step_input.name}" has no value: step {missing[0].step_key} yielded no'
                f' output "{missing[0].output_name}"',
            )
    return _RUN


def is_produced(ref: wire_plan.OutputRef, steps: Mapping[model.StepKey, model.Step]) -> bool:
    """Return whether the output that *ref* names was stored."""
    newest = steps[model.StepKey(ref.step_key)].newest
    if newest is None or newest.outcome is None:
        return False
    return any(output.name == ref.output_name for output in newest.outcome.outputs)


def _skip(reason: str, message: str) -> Judgement:
    return Judgement(verdict=Verdict.SKIP, reason=reason, message=message)
