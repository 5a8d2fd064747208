"""Tells in Kubernetes how a run ended: an Event on the Job that declares it and one on the run's own Job."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors, events, names
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.resources import BATCH_JOBS, JOBS, Resource
from opweave_operator.core import model
from opweave_operator.core.model import RunStatus

_REASONS = {
    RunStatus.SUCCESS: "RunSucceeded",
    RunStatus.FAILURE: "RunFailed",
    RunStatus.CANCELED: "RunCanceled",
}
_VERBS = {
    RunStatus.SUCCESS: "succeeded",
    RunStatus.FAILURE: "failed",
    RunStatus.CANCELED: "was canceled",
}

_log = logging.getLogger(__name__)


class RunEndings:
    """Tells the ends of runs, each once however often it is asked to.

    Args:
        client: Of the cluster.
        clock: The time.
    """

    def __init__(self, client: Client, clock: ports.Clock) -> None:
        self._client = client
        self._events = events.EventRecorder(client, clock)

    async def tell(self, run: model.Run, batch_job_uid: str | None) -> None:
        """Tell how *run* ended; what cannot be told is logged, because it is news and not state."""
        if batch_job_uid is not None:
            await self._record(
                run, _about(BATCH_JOBS, run, names.run_object_name(run), batch_job_uid)
            )
        if run.job_resource is not None:
            declared = await self._declared_job(run, run.job_resource)
            if declared is not None:
                await self._record(run, declared)

    async def _declared_job(self, run: model.Run, name: str) -> Mapping[str, Any] | None:
        """Return the Job object that launched the run; its uid is asked for, because Events are found by it."""
        try:
            found = await self._client.get(
                JOBS, run.location.namespace, name, is_metadata_only=True
            )
        except errors.NotFound:
            return None
        except errors.ApiError as error:
            _log.warning("run_end_not_told", extra={"run_id": run.id, "error": str(error)})
            return None
        return _about(JOBS, run, name, str(found["metadata"]["uid"]))

    async def _record(self, run: model.Run, about: Mapping[str, Any]) -> None:
        await self._events.record(
            about,
            _REASONS[run.status],
            message_of(run),
            is_warning=run.status is not RunStatus.SUCCESS,
            once=f"end of run {run.id}",
        )


def message_of(run: model.Run) -> str:
    """Return how a finished run ended, with its id first."""
    text = f"run {run.id} {_VERBS[run.status]}"
    if run.reason:
        text += f" ({run.reason})"
    return f"{text}: {run.message}" if run.message else text


def _about(resource: Resource, run: model.Run, name: str, uid: str) -> Mapping[str, Any]:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"namespace": run.location.namespace, "name": name, "uid": uid},
    }
