"""`Definitions`: everything that a code location declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import graph as graphs
from opweave.definitions import job as job_definitions
from opweave.definitions import origin as origins
from opweave.definitions import resource as resource_definitions
from opweave.definitions import unsupported
from opweave.definitions.op import OpDefinition

if TYPE_CHECKING:
    from opweave.execution import digest
else:
    digest = deferred_module("opweave.execution.digest")


class Definitions:
    """What a code location declares; one per location.

    Args:
        jobs: Jobs, or graphs, which become jobs.
        resources: For all jobs, by key: resource definitions, configurable resources, I/O managers or plain objects.

    Raises:
        OpweaveInvalidDefinitionError: Two jobs share a name, or an op requires a resource that nobody defines.
    """

    def __init__(
        self,
        assets: Iterable[object] | None = None,
        schedules: Iterable[object] | None = None,
        sensors: Iterable[object] | None = None,
        jobs: Iterable[job_definitions.JobDefinition | graphs.GraphDefinition] | None = None,
        resources: Mapping[str, Any] | None = None,
        executor: object = None,
        loggers: Mapping[str, object] | None = None,
        asset_checks: Iterable[object] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.origin = origins.caller_origin()
        owner = f"Definitions ({self.origin})"
        unsupported.refuse(
            owner,
            assets=list(assets or ()),
            schedules=list(schedules or ()),
            sensors=list(sensors or ()),
            executor=executor,
            loggers=loggers,
            asset_checks=list(asset_checks or ()),
        )
        self.resources = {
            key: resource_definitions.as_resource(value, key)
            for key, value in (resources or {}).items()
        }
        self.metadata = dict(metadata or {})
        self._jobs: dict[str, job_definitions.JobDefinition] = {}
        for given in jobs or ():
            self._add(_as_job(given, owner).with_resources(self.resources), owner)

    def _add(self, job: job_definitions.JobDefinition, owner: str) -> None:
        other = self._jobs.get(job.name)
        if other is not None:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has two jobs called {job.name!r} ({other.origin} and {job.origin}): rename one of them"
            )
        job.required_resources()
        self._jobs[job.name] = job

    @property
    def jobs(self) -> tuple[job_definitions.JobDefinition, ...]:
        """The jobs, in the order in which they were given, with the location's resources."""
        return tuple(self._jobs.values())

    def get_job_def(self, name: str) -> job_definitions.JobDefinition:
        """Return the job called *name*.

        Raises:
            OpweaveInvariantViolationError: There is none.
        """
        job = self._jobs.get(name)
        if job is None:
            hint = errors.did_you_mean(name, self._jobs)
            known = ", ".join(self._jobs) or "none"
            raise errors.OpweaveInvariantViolationError(
                f"there is no job {name!r:.120} in Definitions ({self.origin}){hint or f'; its jobs: {known}'}"
            )
        return job

    resolve_job_def = get_job_def

    def definitions_hash(self) -> str:
        """Return a digest of the structure of all jobs and of the source text of their ops and resources."""
        return digest.digest_of(self)


def _as_job(given: object, owner: str) -> job_definitions.JobDefinition:
    if isinstance(given, job_definitions.JobDefinition):
        return given
    if isinstance(given, graphs.GraphDefinition):
        return given.to_job()
    if isinstance(given, OpDefinition):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given {given} among its jobs: an op runs in a job; write a function under @job that calls "
            f"{given.name}(...), and give that"
        )
    raise errors.OpweaveInvalidDefinitionError(
        f"{owner} is given {shown(given)} among its jobs: put @job on it"
    )
