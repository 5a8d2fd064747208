"""What can be done."""

from __future__ import annotations

import difflib

import strawberry

from opweave.wire import ticks as wire_ticks
from opweave_operator.api.request_error import RequestError
from opweave_operator.api.types import launch as launch_types
from opweave_operator.api.types.asset import (
    AssetEvent,
    AssetReported,
    AssetReportInput,
    AssetWiped,
    InvalidReport,
    ReportAssetResult,
)
from opweave_operator.api.types.instigator import (
    Instigator,
    InstigatorDeclared,
    InstigatorNotFound,
    InstigatorResult,
    InstigatorSelector,
)
from opweave_operator.api.types.launch import (
    LaunchParams,
    LaunchRunResult,
    LaunchRunSuccess,
    ReexecutionParams,
    TerminateRunResult,
)
from opweave_operator.api.types.run import Run
from opweave_operator.api.types.scalars import Info
from opweave_operator.core import ids, instigators
from opweave_operator.core.instigators import Toggle
from opweave_operator.usecases import report_asset
from opweave_operator.usecases.known_instigators import KnownInstigators
from opweave_operator.usecases.launch_request import Launched

_LONGEST_REQUESTER = 256


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def launch_run(self, info: Info, params: LaunchParams) -> LaunchRunResult:
        """Launch a run: it is queued, and starts when the instance's limits allow."""
        result = await info.context.launcher.launch(params.request())
        info.context.dependencies.metrics.count_launch(type(result).__name__)
        if isinstance(result, Launched):
            return LaunchRunSuccess(run=Run.of(result.run), is_new=result.is_new)
        return launch_types.launch_error_of(result)

    @strawberry.mutation
    async def launch_reexecution(self, info: Info, params: ReexecutionParams) -> LaunchRunResult:
        """Run an ended run again, wholly or in part; what does not run again gives its outputs."""
        result = await info.context.launcher.reexecute(params.request())
        info.context.dependencies.metrics.count_launch(type(result).__name__)
        if isinstance(result, Launched):
            return LaunchRunSuccess(run=Run.of(result.run), is_new=result.is_new)
        return launch_types.launch_error_of(result)

    @strawberry.mutation
    async def report_asset(self, info: Info, report: AssetReportInput) -> ReportAssetResult:
        """Record what happened to an asset outside of any run."""
        parts = info.context.dependencies
        try:
            event = await report_asset.report(parts.assets, parts.clock, report.report())
        except report_asset.ReportRefused as refused:
            return InvalidReport(message=str(refused))
        return AssetReported(event=AssetEvent.of(event))

    @strawberry.mutation
    async def wipe_asset(self, info: Info, key: str) -> AssetWiped:
        """Forget the whole history of an asset; its definition and what I/O managers stored stay."""
        return AssetWiped(key=key, was_known=await info.context.dependencies.assets.wipe(key))

    @strawberry.mutation
    async def terminate_run(
        self, info: Info, run_id: strawberry.ID, requested_by: str = "graphql"
    ) -> TerminateRunResult:
        """Ask a run to end; asking twice is harmless. The run's log tells *requested_by*."""
        try:
            parsed = ids.parse_run_id(run_id)
        except ValueError:
            return launch_types.not_found(run_id)
        return launch_types.termination_of(
            await info.context.terminator.terminate(parsed, requested_by[:_LONGEST_REQUESTER])
        )

    @strawberry.mutation
    async def set_instigator_running(
        self, info: Info, instigator: InstigatorSelector, is_running: bool
    ) -> InstigatorResult:
        """Start or stop a schedule or sensor that is defined in code; one that an object declares follows its `spec.suspend`."""
        found = await _instigator(info, instigator)
        if isinstance(found, InstigatorNotFound):
            return found
        if found.declaration is not None:
            kind = found.ref.kind.capitalize()
            suspend = "false" if is_running else "true"
            return InstigatorDeclared(
                message=f"{found.ref} is declared by the {kind} object {found.declaration.name!r}: set its"
                f" spec.suspend to {suspend}"
            )
        toggle = Toggle.RUNNING if is_running else Toggle.STOPPED
        await info.context.dependencies.instigators.put_toggle(found.ref, toggle)
        return await _again(info, instigator)

    @strawberry.mutation
    async def set_sensor_cursor(
        self, info: Info, instigator: InstigatorSelector, cursor: str | None = None
    ) -> InstigatorResult:
        """Set the cursor from which a sensor goes on; null makes it begin anew."""
        found = await _instigator(info, instigator)
        if isinstance(found, InstigatorNotFound):
            return found
        if len(cursor or "") > wire_ticks.MAX_CURSOR_CHARACTERS:
            raise RequestError(f"cursor: at most {wire_ticks.MAX_CURSOR_CHARACTERS} characters")
        await info.context.dependencies.instigators.put_cursor(found.ref, cursor)
        return await _again(info, instigator)


async def _instigator(
    info: Info, selector: InstigatorSelector
) -> instigators.Instigator | InstigatorNotFound:
    parts = info.context.dependencies
    known = await KnownInstigators(parts.catalog, parts.instigators).read()
    ref = selector.ref()
    if ref in known:
        return known[ref]
    names = [other.name for other in known if other.kind is ref.kind]
    close = difflib.get_close_matches(ref.name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return InstigatorNotFound(message=f"there is no {ref.kind.lower()} {str(ref)[:200]!r}{hint}")


async def _again(info: Info, selector: InstigatorSelector) -> Instigator | InstigatorNotFound:
    found = await _instigator(info, selector)
    return found if isinstance(found, InstigatorNotFound) else Instigator.of(found)
