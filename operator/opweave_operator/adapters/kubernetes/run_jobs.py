"""The Jobs of runs: made once, found again, shown the run's state, known to be gone when somebody deletes them."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors, informer, names, run_status
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.manifests import run_job
from opweave_operator.adapters.kubernetes.resources import BATCH_JOBS
from opweave_operator.adapters.kubernetes.worker_template import WorkerTemplate
from opweave_operator.core import ids, model, run_state

MAX_REMEMBERED = 10_000
"""Runs of whose Job this process remembers that it existed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """A run's Job, cut down to what is needed."""

    run_id: model.RunId
    name: str
    shown: run_status.ShownStatus
    is_ours: bool


def decode(job: Mapping[str, Any]) -> RunJob | None:
    """Return the run's Job in *job*, or None when it belongs to no run.

    Raises:
        ValueError: Its label pretends to be a run id and is none.
    """
    metadata = job.get("metadata") or {}
    run_id = (metadata.get("labels") or {}).get(names.LABEL_RUN_ID)
    if not run_id:
        return None
    return RunJob(
        run_id=ids.parse_run_id(str(run_id)),
        name=str(metadata.get("name") or ""),
        shown=run_status.read(job),
        is_ours=(job.get("spec") or {}).get("managedBy") == names.RUN_CONTROLLER
        and metadata.get("deletionTimestamp") is None,
    )


class RunJobs:
    """The Jobs of runs on one cluster.

    Args:
        client: Of the cluster.
        cache: Copies of the Jobs.
        clock: The time.
    """

    def __init__(
        self, client: Client, cache: informer.Informer[RunJob], clock: ports.Clock
    ) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._known: OrderedDict[model.RunId, str] = OrderedDict()
        self._gone: OrderedDict[model.RunId, None] = OrderedDict()

    async def ensure(self, run: model.Run, template: WorkerTemplate) -> str:
        """Return the uid of the run's Job, after creating it if this is its first step.

        Raises:
            ApiError: It cannot be created.
            StartRefused: It was deleted, or its name is taken by something else.
            ShapeError: A pod shape asks for what it may not have.
        """
        if run.id in self._gone:
            raise ports.StartRefused(
                "JobObjectDeleted",
                f"the Job {names.run_object_name(run)} was deleted",
                is_permanent=True,
            )
        uid = self._known.get(run.id)
        if uid is not None:
            return uid
        job = self._cache.get(run.location.namespace, names.run_object_name(run))
        if job is None:
            job = await self._create(run, template)
        if job is None or job.run_id != run.id or not job.is_ours:
            raise ports.StartRefused(
                "NameTaken",
                f"the Job {run.location.namespace}/{names.run_object_name(run)} exists and is not the run's"
                " or is being deleted; delete it",
                is_permanent=True,
            )
        self.remember(run.id, job.shown.uid)
        return job.shown.uid

    async def _create(self, run: model.Run, template: WorkerTemplate) -> RunJob | None:
        namespace = run.location.namespace
        try:
            body = await self._client.create(BATCH_JOBS, namespace, run_job.run_job(run, template))
        except errors.Conflict:
            body = await self._client.get(BATCH_JOBS, namespace, names.run_object_name(run))
        return self._cache.put(body)

    def remember(self, run_id: model.RunId, uid: str) -> None:
        """Note that the Job exists."""
        self._known[run_id] = uid
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def is_known(self, run_id: model.RunId) -> bool:
        """Whether the Job has been made or found by this process."""
        return run_id in self._known

    def uid_of(self, run_id: model.RunId) -> str | None:
        """Return the uid of the run's Job, if this process has made or found it and it is not gone."""
        return self._known.get(run_id)

    def note_deleted(self, run_id: model.RunId) -> None:
        """Note that the Job existed and does not any more."""
        self._known.pop(run_id, None)
        self._gone[run_id] = None
        while len(self._gone) > MAX_REMEMBERED:
            self._gone.popitem(last=False)

    async def is_gone(self, run: model.Run) -> bool:
        """Whether the run's Job existed and was deleted; asks the API server when that is not clear."""
        if run.id in self._gone:
            return True
        existed = run.id in self._known or run.object_name is not None
        if not existed or await self._find(run) is not None:
            return False
        self.note_deleted(run.id)
        return True

    async def publish(self, state: model.RunState, ttl_seconds: int | None = None) -> None:
        """Show *state* on the Job; of a finished run also let Kubernetes remove it after *ttl_seconds*.

        A run that never had a Job, and one whose Job is gone, have nothing to show.

        Raises:
            Unreachable: The API server does not answer.
        """
        try:
            job = await self._find(state.run)
            if job is None or job.run_id != state.run.id or not job.is_ours:
                return
            self.remember(job.run_id, job.shown.uid)
            await self._grow(state, job.shown)
            await self._show(state, job)
            await self._let_go(state, ttl_seconds)
        except errors.NotFound:
            return
        except errors.Invalid as error:
            # Only what people see suffers; the run goes on, and the next state may be taken again.
            _log.error("job_status_refused", extra={"run_id": state.run.id, "error": str(error)})

    async def _find(self, run: model.Run) -> RunJob | None:
        name = names.run_object_name(run)
        job = self._cache.get(run.location.namespace, name)
        if job is not None:
            return job
        try:
            body = await self._client.get(BATCH_JOBS, run.location.namespace, name)
        except errors.NotFound:
            return None
        return self._cache.put(body)

    async def _grow(self, state: model.RunState, shown: run_status.ShownStatus) -> None:
        steps = len(state.steps)
        if steps > shown.completions and not shown.is_finished:
            await self._patch(state.run, {"spec": {"completions": steps, "parallelism": steps}})

    async def _show(self, state: model.RunState, job: RunJob) -> None:
        patch = run_status.status_patch(state, job.shown, self._clock.now())
        if patch:
            await self._patch(state.run, patch, subresource="status")

    async def _let_go(self, state: model.RunState, ttl_seconds: int | None) -> None:
        if ttl_seconds is None or state.run.status not in run_state.FINISHED:
            return
        job = self._cache.get(state.run.location.namespace, names.run_object_name(state.run))
        if job is not None and job.shown.is_finished and job.shown.ttl_seconds is None:
            await self._patch(state.run, {"spec": {"ttlSecondsAfterFinished": ttl_seconds}})

    async def _patch(
        self, run: model.Run, patch: Mapping[str, Any], *, subresource: str | None = None
    ) -> None:
        body = await self._client.patch(
            BATCH_JOBS,
            run.location.namespace,
            names.run_object_name(run),
            patch,
            subresource=subresource,
        )
        self._cache.put(body)
