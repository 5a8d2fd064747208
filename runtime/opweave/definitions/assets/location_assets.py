"""The assets of one `Definitions`, and the jobs made of them; built when they are first asked for.

A step of a job of ops in the same location pays for none of it but the checks of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opweave import errors
from opweave.definitions import resource as resource_definitions
from opweave.definitions.assets.asset_graph import AssetGraph
from opweave.definitions.assets.define_job import (
    IMPLICIT_JOB_NAME,
    UnresolvedAssetJobDefinition,
    implicit_job,
)
from opweave.definitions.assets.selection import CoercibleToAssetSelection
from opweave.definitions.job import JobDefinition


class LocationAssets:
    """The assets of one location.

    Args:
        given: Assets, specs and checks; lists of them are taken apart.
        jobs: Jobs of assets that are not resolved yet.
        resources: The location's, for all of the jobs.
        owner: For errors: whose they are.

    Raises:
        OpweaveInvalidDefinitionError: The assets do not fit together.
    """

    def __init__(
        self,
        given: Iterable[object],
        jobs: Iterable[UnresolvedAssetJobDefinition],
        resources: Mapping[str, resource_definitions.ResourceDefinition],
        owner: str,
    ) -> None:
        self.graph = AssetGraph(_flat(given), owner)
        self._unresolved = {job.name: job for job in jobs}
        self._resources = dict(resources)
        self._jobs: dict[str, JobDefinition] = {}

    @property
    def job_names(self) -> list[str]:
        """Names of the jobs of assets, that of all assets last if there are any."""
        implicit = [IMPLICIT_JOB_NAME] if self.graph.executable_keys or self.graph.by_check else []
        return [*self._unresolved, *implicit]

    def job(self, name: str) -> JobDefinition:
        """Return the job called *name*, one of `job_names`, with the location's resources.

        Raises:
            OpweaveInvalidSubsetError: Its selection names what does not exist.
            OpweaveInvalidDefinitionError: A resource is missing, or its assets do not fit together in one job.
        """
        if name not in self._jobs:
            unresolved = self._unresolved.get(name)
            made = unresolved.resolve(self.graph) if unresolved else implicit_job(self.graph)
            made = made.with_resources(self._resources)
            made.required_resources()
            self._jobs[name] = made
        return self._jobs[name]

    def resolved(self, selection: CoercibleToAssetSelection) -> JobDefinition:
        """Return the job of all assets, cut down to what *selection* picks.

        Raises:
            OpweaveInvalidSubsetError: It names what does not exist, or picks nothing that can run.
        """
        made = UnresolvedAssetJobDefinition(IMPLICIT_JOB_NAME, selection, {}).resolve(self.graph)
        return made.with_resources(self._resources)

    def jobs(self) -> Iterator[JobDefinition]:
        """Yield all jobs of assets."""
        for name in self.job_names:
            yield self.job(name)


def checked_job_names(jobs: Iterable[UnresolvedAssetJobDefinition], taken: Iterable[str]) -> None:
    """Check that *jobs* have names of their own.

    Raises:
        OpweaveInvalidDefinitionError: One has the name of another.
    """
    names = set(taken)
    for job in jobs:
        if job.name in names or job.name == IMPLICIT_JOB_NAME:
            raise errors.OpweaveInvalidDefinitionError(
                f"there are two jobs called {job.name!r} (one at {job.origin}): rename one of them"
            )
        names.add(job.name)


def _flat(given: Iterable[object]) -> Iterator[object]:
    for value in given:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value
