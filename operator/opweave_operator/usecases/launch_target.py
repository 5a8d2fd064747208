"""Find what a request means: the location and the job that will run, or in words why there is none.

Called by launches and by the checking and scaffolding of run config.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.usecases.launch_request import (
    LaunchRefused,
    TargetNotFound,
    TargetUnavailable,
)

_MOST_NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchTarget:
    """A job of a location that serves, and the declaration that was asked for, if one was."""

    location: ports.LocationRecord
    job: wire_location.JobSnapshot
    declared: ports.JobRecord | None = None


def declared_assets(target: LaunchTarget) -> tuple[str, ...]:
    """Return the selection of assets that the declared job has; empty when it has none."""
    selection = target.declared.assets if target.declared else ""
    return (selection,) if selection else ()


TargetResult = LaunchTarget | TargetNotFound | TargetUnavailable | LaunchRefused


class TargetFinder:
    """Looks targets up in the catalog."""

    def __init__(self, catalog: ports.CatalogStore) -> None:
        self._catalog = catalog

    async def find(
        self,
        *,
        namespace: str | None,
        location: str | None = None,
        job: str | None = None,
        job_resource: str | None = None,
    ) -> TargetResult:
        """Return the target; *namespace* None looks everywhere and refuses an ambiguous name."""
        if job_resource is not None:
            return await self._find_declared(namespace, job_resource)
        if job is None:
            return TargetNotFound(message="name a job of a location, or a declared job")
        records = [
            record
            for record in await self._catalog.list_locations()
            if namespace in (None, record.ref.namespace)
        ]
        if location is not None:
            return _in_named(records, namespace, location, job)
        return _anywhere(records, job)

    async def _find_declared(self, namespace: str | None, name: str) -> TargetResult:
        declared = [
            record
            for record in await self._catalog.list_jobs()
            if namespace in (None, record.namespace)
        ]
        found = [record for record in declared if record.name == name]
        if not found:
            names = (record.name for record in declared)
            return TargetNotFound(
                message=f"no Job {name!r} is declared{_within(namespace)}{_closest(name, names)}"
            )
        if len(found) > 1:
            places = ", ".join(record.namespace for record in found)
            return LaunchRefused(
                message=f"Job {name!r} is declared in several namespaces ({places}): name one"
            )
        return await self._of_declared(found[0])

    async def _of_declared(self, declared: ports.JobRecord) -> TargetResult:
        ref = model.LocationRef(namespace=declared.namespace, name=declared.location)
        record = await self._catalog.get_location(ref)
        if record is None:
            return TargetNotFound(
                message=f"Job {declared.name!r} refers to code location {declared.location!r}, which"
                f" does not exist in namespace {declared.namespace}: create it or change"
                " spec.codeLocation"
            )
        result = _job_of(record, declared.job)
        if isinstance(result, LaunchTarget):
            return LaunchTarget(location=result.location, job=result.job, declared=declared)
        return result


def _in_named(
    records: list[ports.LocationRecord], namespace: str | None, location: str, job: str
) -> TargetResult:
    found = [record for record in records if record.ref.name == location]
    if not found:
        names = (record.ref.name for record in records)
        return TargetNotFound(
            message=f"there is no code location {location!r}{_within(namespace)}"
            f"{_closest(location, names)}"
        )
    if len(found) > 1:
        places = ", ".join(record.ref.namespace for record in found)
        return LaunchRefused(
            message=f"code location {location!r} exists in several namespaces ({places}): name one"
        )
    return _job_of(found[0], job)


def _anywhere(records: list[ports.LocationRecord], job: str) -> TargetResult:
    found = [record for record in records if job in _job_names(record)]
    if len(found) > 1:
        places = ", ".join(str(record.ref) for record in found)
        return LaunchRefused(message=f"several locations have a job {job!r} ({places}): name one")
    if found:
        return _job_of(found[0], job)
    unknown = [record for record in records if record.snapshot is None]
    if unknown and len(unknown) == len(records):
        return TargetUnavailable(message=_why_unavailable(unknown[0]))
    names = (name for record in records for name in _job_names(record))
    hint = "".join(f"; {_not_loaded(record)}" for record in unknown[:_MOST_NAMES_SHOWN])
    return TargetNotFound(message=f"no code location has a job {job!r}{_closest(job, names)}{hint}")


def _not_loaded(record: ports.LocationRecord) -> str:
    return f"{record.ref} {'could not be loaded' if record.failure else 'is still loading'}"


def _job_of(record: ports.LocationRecord, job: str) -> TargetResult:
    if record.snapshot is None or not record.url:
        return TargetUnavailable(message=_why_unavailable(record))
    for snapshot in record.snapshot.jobs:
        if snapshot.name == job:
            return LaunchTarget(location=record, job=snapshot)
    if job == model.ASSET_JOB:
        return TargetNotFound(message=no_assets(record.ref))
    return TargetNotFound(
        message=f"code location {record.ref} has no job {job!r}{_closest(job, _job_names(record))}"
    )


def no_assets(ref: model.LocationRef) -> str:
    """Return words for a selection of assets where none can be made."""
    return f"code location {ref} makes no asset: nothing can be selected"


def _why_unavailable(record: ports.LocationRecord) -> str:
    if record.failure is not None:
        return (
            f"code location {record.ref} cannot be loaded: {record.failure.reason}:"
            f" {record.failure.message}; mend it and launch again"
        )
    return f"code location {record.ref} is still loading; launch again when it is ready"


def _job_names(record: ports.LocationRecord) -> list[str]:
    return [job.name for job in record.snapshot.jobs] if record.snapshot else []


def _within(namespace: str | None) -> str:
    return f" in namespace {namespace}" if namespace else ""


def _closest(name: str, known: Iterable[str]) -> str:
    """Return words that name what was probably meant, or what there is."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return "; there is none"
    shown = ", ".join(names[:_MOST_NAMES_SHOWN])
    return f"; there is {shown}" + (", ..." if len(names) > _MOST_NAMES_SHOWN else "")
