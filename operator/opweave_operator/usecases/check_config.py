"""Check a run config without launching, and make an example of one.

Called by the API; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.wire import location as wire_location
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.usecases.launch_request import (
    ConfigRefused,
    LaunchFailure,
    LaunchRefused,
    TargetUnavailable,
)
from opweave_operator.usecases.launch_target import LaunchTarget, declared_assets


async def check(
    code_locations: ports.CodeLocations,
    target: LaunchTarget,
    run_config: Mapping[str, Any] | None,
    op_selection: tuple[str, ...] = (),
    asset_selection: tuple[str, ...] | None = None,
) -> wire_plan.RunPlan | LaunchFailure:
    """Return the plan that a run would have, or all problems.

    What is None, *run_config* or *asset_selection*, is as the declared job has it.
    """
    if run_config is None:
        run_config = target.declared.run_config if target.declared else {}
    request = wire_location.PlanRequest(
        job=target.job.name,
        run_config=dict(run_config),
        op_selection=op_selection,
        asset_selection=declared_assets(target) if asset_selection is None else asset_selection,
    )
    try:
        reply = await code_locations.plan(target.location.url, request)
    except ports.LocationUnavailable as error:
        return _unavailable(target, error)
    if reply.problems:
        return ConfigRefused(problems=reply.problems)
    if reply.plan is None:
        return LaunchRefused(
            message=reply.message or f"code location {target.location.ref} made no plan"
        )
    return reply.plan


async def scaffold(
    code_locations: ports.CodeLocations, target: LaunchTarget, *, include_defaults: bool
) -> str | LaunchFailure:
    """Return an example run config of the job as YAML text."""
    request = wire_location.ScaffoldRequest(job=target.job.name, include_defaults=include_defaults)
    try:
        reply = await code_locations.scaffold(target.location.url, request)
    except ports.LocationUnavailable as error:
        return _unavailable(target, error)
    return LaunchRefused(message=reply.message) if reply.message and not reply.yaml else reply.yaml


def _unavailable(target: LaunchTarget, error: ports.LocationUnavailable) -> TargetUnavailable:
    return TargetUnavailable(
        message=f"code location {target.location.ref} does not answer: {error}"
    )
