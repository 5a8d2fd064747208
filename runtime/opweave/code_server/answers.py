"""Answers of a loaded location to questions about its jobs: plans, config problems, example configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opweave.errors import OpweaveError, OpweaveInvalidConfigError, did_you_mean
from opweave.wire.location import PlanReply, PlanRequest, ScaffoldReply, ScaffoldRequest

IMPLICIT_JOB = "__ASSET_JOB"
"""The job of all assets of a location."""

if TYPE_CHECKING:
    from opweave import Definitions, JobDefinition


def plan(definitions: Definitions, request: PlanRequest) -> PlanReply:
    """Return the plan of a run, or everything that is wrong with what was asked."""
    from opweave.execution.plan import build_plan  # noqa: PLC0415 - loaded with the definitions

    name = request.job or (IMPLICIT_JOB if request.asset_selection else "")
    job = _find(definitions, name)
    if job is None:
        return PlanReply(message=_not_found(definitions, name))
    try:
        made = build_plan(
            job, request.run_config, request.op_selection, list(request.asset_selection) or None
        )
    except OpweaveInvalidConfigError as error:
        return PlanReply(problems=error.problems, message=str(error))
    except OpweaveError as error:
        return PlanReply(message=str(error))
    return PlanReply(plan=made)


def scaffold(definitions: Definitions, request: ScaffoldRequest) -> ScaffoldReply:
    """Return an example run config of a job."""
    from opweave.config.scaffold import scaffold_job  # noqa: PLC0415 - rarely asked for

    job = _find(definitions, request.job)
    if job is None:
        return ScaffoldReply(message=_not_found(definitions, request.job))
    return ScaffoldReply(yaml=scaffold_job(job, include_defaults=request.include_defaults))


def _find(definitions: Definitions, name: str) -> JobDefinition | None:
    return next((job for job in definitions.jobs if job.name == name), None)


def _not_found(definitions: Definitions, name: str) -> str:
    names = [job.name for job in definitions.jobs]
    listed = ", ".join(names[:20]) or "none"
    return f"this location defines no job {name!r}{did_you_mean(name, names)} (its jobs: {listed})"
