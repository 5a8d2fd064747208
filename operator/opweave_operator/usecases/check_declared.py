"""Check the run config of declared jobs against the code that they name, as soon as either changes.

On a cluster the handler of the kind Job does so and shows it in a condition; on a laptop there is no object to show it on,
so each problem is told once, in words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from opweave_operator import ports
from opweave_operator.usecases import check_config, launch_request
from opweave_operator.usecases.launch_target import LaunchTarget, TargetFinder


class DeclaredJobChecker:
    """Checks all declared jobs whenever it is woken.

    Args:
        on_notice: Called with a sentence for each job that could not be launched as it is declared, and once when that is
            mended.
    """

    def __init__(
        self,
        *,
        catalog: ports.CatalogStore,
        code_locations: ports.CodeLocations,
        on_notice: Callable[[str], None],
    ) -> None:
        self._catalog = catalog
        self._code_locations = code_locations
        self._on_notice = on_notice
        self._wake = asyncio.Event()
        self._told: dict[str, str] = {}

    def wake(self) -> None:
        """Ask for a check: a location was loaded, or other jobs are declared."""
        self._wake.set()

    async def run(self) -> None:
        """Check whenever woken, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.check()

    async def check(self) -> None:
        """Check every declared job and tell what is new."""
        for job in await self._catalog.list_jobs():
            name = f"{job.namespace}/{job.name}"
            problem = await self._problem_of(job)
            if problem is None or problem == self._told.get(name, ""):
                continue
            self._told[name] = problem
            self._on_notice(f"Job {job.name}: {problem or 'it can be launched now'}")

    async def _problem_of(self, job: ports.JobRecord) -> str | None:
        """Return what is wrong; empty when all is well, None when it cannot be known now."""
        target = await TargetFinder(self._catalog).find(
            namespace=job.namespace, job_resource=job.name
        )
        if not isinstance(target, LaunchTarget):
            return target.message if isinstance(target, launch_request.TargetNotFound) else None
        result = await check_config.check(self._code_locations, target, None)
        if isinstance(result, launch_request.ConfigRefused):
            listed = "\n".join(
                f"    {'.'.join(problem.path)}: {problem.message}" for problem in result.problems
            )
            fits = f"assets {job.assets!r}" if job.assets else f"job {job.job}"
            return f"spec.runConfig does not fit {fits} of {job.location}:\n{listed}"
        if job.assets and isinstance(result, launch_request.LaunchRefused):
            return f"spec.assets {job.assets!r} cannot be made: {result.message}"
        return None if isinstance(result, launch_request.TargetUnavailable) else ""
