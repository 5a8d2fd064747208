"""What can be asked."""

from __future__ import annotations

import strawberry

from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave_operator.api import paging
from opweave_operator.api.request_error import RequestError
from opweave_operator.api.types import launch as launch_types
from opweave_operator.api.types.asset import Asset, AssetPage, AssetsFilter
from opweave_operator.api.types.instance import Instance
from opweave_operator.api.types.instigator import Instigator
from opweave_operator.api.types.launch import (
    InvalidLaunch,
    JobNotFound,
    JobSelector,
    LocationUnavailable,
    RunConfigInvalid,
    RunConfigScaffold,
    RunConfigScaffoldResult,
    RunConfigValid,
    RunConfigValidation,
)
from opweave_operator.api.types.location import CodeLocation, DeclaredJob, Job, jobs_of
from opweave_operator.api.types.run import Run, RunPage, RunsFilter
from opweave_operator.api.types.scalars import Info
from opweave_operator.core import ids
from opweave_operator.core.instigators import Kind
from opweave_operator.usecases import check_config
from opweave_operator.usecases.find_run import AmbiguousRunId, find_run
from opweave_operator.usecases.known_instigators import KnownInstigators
from opweave_operator.usecases.launch_target import LaunchTarget, TargetFinder, TargetResult


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def version(self, info: Info) -> str:
        """The version of opweave that answers."""
        return info.context.dependencies.settings.version

    @strawberry.field
    def instance(self, info: Info) -> Instance:
        """The instance that answers."""
        settings = info.context.dependencies.settings
        return Instance(version=settings.version, database_kind=settings.database_kind)

    @strawberry.field
    async def locations(self, info: Info, namespace: str | None = None) -> list[CodeLocation]:
        """All code locations, or those of one namespace."""
        return [
            CodeLocation.of(record)
            for record in await info.context.loaders.locations()
            if namespace in (None, record.ref.namespace)
        ]

    @strawberry.field
    async def location(self, info: Info, namespace: str, name: str) -> CodeLocation | None:
        """One code location."""
        for record in await info.context.loaders.locations():
            if (record.ref.namespace, record.ref.name) == (namespace, name):
                return CodeLocation.of(record)
        return None

    @strawberry.field
    async def jobs(
        self, info: Info, namespace: str | None = None, location_name: str | None = None
    ) -> list[Job]:
        """The jobs in the code of all locations, or of some."""
        return [
            job
            for record in await info.context.loaders.locations()
            if namespace in (None, record.ref.namespace)
            and location_name in (None, record.ref.name)
            for job in jobs_of(record)
        ]

    @strawberry.field
    async def declared_jobs(self, info: Info, namespace: str | None = None) -> list[DeclaredJob]:
        """All declared jobs, or those of one namespace."""
        return [
            DeclaredJob.of(record)
            for record in await info.context.loaders.declared_jobs()
            if namespace in (None, record.namespace)
        ]

    @strawberry.field
    async def instigators(
        self,
        info: Info,
        kind: Kind | None = None,
        namespace: str | None = None,
        location_name: str | None = None,
        name: str | None = None,
    ) -> list[Instigator]:
        """The schedules and sensors, in code and declared, or some of them."""
        parts = info.context.dependencies
        found = await KnownInstigators(parts.catalog, parts.instigators).read()
        return [
            Instigator.of(instigator)
            for ref, instigator in sorted(found.items(), key=lambda item: str(item[0]))
            if kind in (None, ref.kind)
            and namespace in (None, ref.namespace)
            and location_name in (None, ref.location)
            and name in (None, ref.name)
        ]

    @strawberry.field
    async def run(self, info: Info, run_id: strawberry.ID) -> Run | None:
        """One run, by its id or by the beginning of it (6 characters at least) if only one run has it."""
        try:
            found = await find_run(info.context.dependencies.runs, run_id)
        except AmbiguousRunId as error:
            raise RequestError(str(error)) from error
        return Run.of(found) if found else None

    @strawberry.field
    async def runs(
        self,
        info: Info,
        filter: RunsFilter | None = None,  # the name that the schema's users know
        first: int = 25,
        after: strawberry.ID | None = None,
    ) -> RunPage:
        """Runs, newest first; at most 1000 at a time."""
        first = paging.checked_first(first)
        try:
            before = ids.parse_run_id(after) if after is not None else None
        except ValueError as error:
            raise RequestError(f"after: {error}") from error
        where = (filter or RunsFilter()).where()
        found = await info.context.dependencies.runs.list_runs(
            where, limit=first + 1, before=before
        )
        return RunPage.of(found, first=first)

    @strawberry.field
    async def assets(
        self,
        info: Info,
        filter: AssetsFilter | None = None,  # as for runs
        first: int = 100,
        after: str | None = None,
    ) -> AssetPage:
        """The assets of all locations, and those that only events tell of; at most 1000 at a time, by key."""
        first = paging.checked_first(first)
        wanted = filter or AssetsFilter()
        entries = await info.context.loaders.assets()
        keys = sorted(key for key, entry in entries.items() if wanted.fits(entry))
        left = [key for key in keys if after is None or key > after]
        shown = left[:first]
        return AssetPage(
            assets=[Asset.of(entries[key]) for key in shown],
            end_cursor=shown[-1] if shown else None,
            has_more=len(left) > len(shown),
        )

    @strawberry.field
    async def asset(self, info: Info, key: str) -> Asset | None:
        """One asset, by its key as people write it."""
        entry = (await info.context.loaders.assets()).get(key)
        return None if entry is None else Asset.of(entry)

    @strawberry.field
    async def validate_run_config(
        self,
        info: Info,
        job: JobSelector,
        run_config: strawberry.scalars.JSON | None = None,
        op_selection: list[str] | None = None,
    ) -> RunConfigValidation:
        """Check a run config against a job without launching anything."""
        config = launch_types.config_of(run_config)
        target = await _target(info, job)
        if not isinstance(target, LaunchTarget):
            return launch_types.launch_error_of(target)
        plan = await check_config.check(
            info.context.dependencies.code_locations, target, config, tuple(op_selection or ())
        )
        if not isinstance(plan, wire_plan.RunPlan):
            return launch_types.launch_error_of(plan)
        return RunConfigValid(
            job_name=plan.job, step_keys=[step.key for step in mapped_steps.in_order(plan)]
        )

    @strawberry.field
    async def scaffold_run_config(
        self, info: Info, job: JobSelector, include_defaults: bool = True
    ) -> RunConfigScaffoldResult:
        """Make an example run config of a job."""
        target = await _target(info, job)
        if not isinstance(target, LaunchTarget):
            return _scaffold_error(launch_types.launch_error_of(target))
        text = await check_config.scaffold(
            info.context.dependencies.code_locations, target, include_defaults=include_defaults
        )
        if isinstance(text, str):
            return RunConfigScaffold(yaml=text)
        return _scaffold_error(launch_types.launch_error_of(text))


async def _target(info: Info, job: JobSelector) -> TargetResult:
    return await TargetFinder(info.context.dependencies.catalog).find(
        namespace=job.namespace,
        location=job.location_name,
        job=job.job_name,
        job_resource=job.job_resource,
    )


def _scaffold_error(
    error: launch_types.LaunchError,
) -> JobNotFound | LocationUnavailable | InvalidLaunch:
    return InvalidLaunch(message=error.message) if isinstance(error, RunConfigInvalid) else error
