"""Workers as pods: the `ports.Executor` of a cluster.

Called by the run engine, whose loop may repeat every call. Names derive from ids, so whatever is created twice is found;
what is observed comes from a copy that a watch keeps, and "does not exist" only from the API server itself.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import (
    change_feed,
    errors,
    informer,
    names,
    paced_status,
    pod_notes,
    pod_shape,
    refusals,
    run_endings,
    run_jobs,
    worker_state,
    worker_template,
)
from opweave_operator.adapters.kubernetes.client import STRATEGIC_MERGE_PATCH, Client
from opweave_operator.adapters.kubernetes.manifests import step_pod
from opweave_operator.adapters.kubernetes.resources import BATCH_JOBS, K8S_EVENTS, PODS
from opweave_operator.core import model, run_state
from opweave_operator.core.model import WorkerPhase


class KubernetesExecutor:
    """Runs each attempt in a pod of its own.

    `run` must be running while it is used: it keeps the copies of pods and Jobs up to date.

    Args:
        client: Of the cluster.
        api_url: Under which pods reach ingest.
        clock: The time.
        namespaces: Whose pods to watch; None means all of the cluster.
    """

    def __init__(
        self,
        client: Client,
        *,
        api_url: str,
        clock: ports.Clock,
        namespaces: Iterable[str] | None = None,
    ) -> None:
        scopes = None if namespaces is None else tuple(namespaces)
        self._client = client
        self._api_url = api_url
        self._clock = clock
        self._changes = change_feed.ChangeFeed()
        self._notes = pod_notes.PodNotes()
        self._pods = informer.Informer(
            client,
            PODS,
            decode=worker_state.decode,
            on_change=self._pod_changed,
            label_selector=names.MANAGED_SELECTOR,
            namespaces=scopes,
        )
        self._job_copies = informer.Informer(
            client,
            BATCH_JOBS,
            decode=run_jobs.decode,
            on_change=self._job_changed,
            label_selector=names.MANAGED_SELECTOR,
            namespaces=scopes,
        )
        self._k8s_events = informer.Informer(
            client,
            K8S_EVENTS,
            decode=pod_notes.decode,
            on_change=self._note_changed,
            field_selector=pod_notes.FIELD_SELECTOR,
            namespaces=scopes,
        )
        self._jobs = run_jobs.RunJobs(client, self._job_copies, clock)
        self._endings = run_endings.RunEndings(client, clock)
        self._running = paced_status.PacedStatus(self._jobs.publish)
        self._runs_by_pod: dict[str, model.RunId] = {}
        self._created_at: dict[str, datetime] = {}
        self._names = _PodNames()

    async def run(self) -> None:
        """Watch pods, Jobs and the events that explain them, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pods.run())
                group.create_task(self._job_copies.run())
                # Events are kept only for known pods, so these must be known first.
                await self._pods.wait_synced()
                group.create_task(self._k8s_events.run())
        finally:
            await self._running.close()

    async def wait_synced(self) -> None:
        """Wait until all pods and Jobs have been listed once."""
        await self._pods.wait_synced()
        await self._job_copies.wait_synced()

    @property
    def progress_at(self) -> float:
        """Loop time at which the older of the watches last showed life."""
        return min(self._pods.progress_at, self._job_copies.progress_at)

    def object_name(self, run: model.Run) -> str:
        """Return the name of the run's Job."""
        return names.run_object_name(run)

    def expected_worker(self, run: model.Run, step: model.Step, attempt: int) -> tuple[str, str]:
        """Return namespace and name that the pod of an attempt has."""
        return run.location.namespace, names.pod_name(run, step.index, attempt)

    async def start(self, run: model.Run, step: model.Step, attempt: model.Attempt) -> None:
        """Create the pod of *attempt*, and the run's Job before its first one.

        Raises:
            StartRefused: The API server does not take one of them, or the pod shape is not allowed.
        """
        try:
            template = self._template(run)
            job_uid = await self._jobs.ensure(run, template)
            pod = step_pod.step_pod(
                run, step, attempt.number, template, job_uid=job_uid, api_url=self._api_url
            )
            await self._create_pod(run, pod["metadata"]["name"], pod)
        except (pod_shape.ShapeError, worker_template.TemplateError) as error:
            raise ports.StartRefused("Invalid", str(error), is_permanent=True) from error
        except errors.ApiError as error:
            raise refusals.translate(error) from error

    def _template(self, run: model.Run) -> worker_template.WorkerTemplate:
        template = worker_template.from_json(run.worker_template)
        if template.namespace != run.location.namespace:
            raise worker_template.TemplateError(
                f"the run's worker template is of namespace {template.namespace!r}, its location of"
                f" {run.location.namespace!r}; launch the run again"
            )
        return template

    async def _create_pod(self, run: model.Run, name: str, pod: dict[str, object]) -> None:
        namespace = run.location.namespace
        try:
            body = await self._client.create(PODS, namespace, pod)
        except errors.Conflict:
            body = await self._client.get(PODS, namespace, name)
            found = self._pods.put(body)
            if found is None or found.run_id != run.id:
                raise ports.StartRefused(
                    "NameTaken",
                    f"the pod {namespace}/{name} exists and is not the step's; delete it",
                    is_permanent=False,
                ) from None
            return
        created = self._pods.put(body)
        if created is not None:
            self._created_at[created.uid] = self._clock.now()

    async def stop(
        self, run: model.Run, step_key: model.StepKey, attempt: int, grace_seconds: int
    ) -> None:
        """Delete the pod of an attempt with *grace_seconds*; one that is gone is no error."""
        pod = self._pods.get(run.location.namespace, self._names.find(run, step_key, attempt))
        if pod is None:
            return
        try:
            await self._client.delete(
                PODS, pod.namespace, pod.name, grace_seconds=grace_seconds, uid=pod.uid
            )
        except (errors.NotFound, errors.Conflict):
            return  # gone, or a namesake with another uid, which is not ours to end

    async def release(self, run: model.Run, step_key: model.StepKey, attempt: int) -> None:
        """Remove our finalizer from the pod of an attempt."""
        pod = self._pods.get(run.location.namespace, self._names.find(run, step_key, attempt))
        if pod is not None and pod.worker.is_held:
            await self._release(pod)

    async def release_unknown(self, run_id: model.RunId) -> None:
        """Remove our finalizer from the pods of a run that are being deleted and of which nothing is recorded here.

        Without it a namespace whose operator was removed, or got a new database, could never be deleted.
        """
        for pod in self._pods.values():
            if pod.run_id == run_id and pod.worker.is_held and pod.worker.is_stopping:
                await self._release(pod)

    async def _release(self, pod: worker_state.StepPod) -> None:
        patch = {
            "metadata": {
                "uid": pod.uid,
                "$deleteFromPrimitiveList/finalizers": [names.OUTCOME_FINALIZER],
            }
        }
        try:
            body = await self._client.patch(
                PODS, pod.namespace, pod.name, patch, content_type=STRATEGIC_MERGE_PATCH
            )
        except (errors.NotFound, errors.Conflict):
            self._pods.forget(pod.namespace, pod.name, pod.uid)
            return
        self._pods.put(body)

    async def observe(
        self, run: model.Run, expected: Collection[tuple[model.StepKey, int]]
    ) -> model.Observation:
        """Return what the copies say of the run's workers; for those without a copy, the API server."""
        await self.wait_synced()
        workers = await asyncio.gather(*(self._worker(run, key, n) for key, n in expected))
        return model.Observation(
            workers={(worker.step_key, worker.attempt): worker for worker in workers},
            is_object_gone=await self._jobs.is_gone(run),
            object_name=names.run_object_name(run) if self._jobs.is_known(run.id) else None,
        )

    async def _worker(self, run: model.Run, step_key: model.StepKey, attempt: int) -> model.Worker:
        namespace, name = run.location.namespace, self._names.find(run, step_key, attempt)
        pod = self._pods.get(namespace, name)
        if pod is None:
            try:
                pod = self._pods.put(await self._client.get(PODS, namespace, name))
            except errors.NotFound:
                pod = None
        if pod is None or pod.run_id != run.id or pod.worker.step_key != step_key:
            return model.Worker(
                step_key=step_key, attempt=attempt, phase=WorkerPhase.ABSENT, is_held=False
            )
        return self._explained(pod)

    def _explained(self, pod: worker_state.StepPod) -> model.Worker:
        """Return the worker with what only this process knows: when exactly it was created, why it does not start."""
        worker = worker_state.seen_at(pod, self._clock.now())
        created_at = self._created_at.get(pod.uid)
        if created_at is not None:
            worker = replace(worker, created_at=created_at)
        note = self._notes.get(pod.uid)
        if worker.phase is WorkerPhase.PENDING and not worker.reason and note is not None:
            worker = replace(worker, reason=note.reason, message=note.message)
        return worker

    async def publish(self, state: model.RunState, policy: model.EnginePolicy) -> None:
        """Show *state* on the run's Job, that of a running one at a pace, and tell the end of a run as Events."""
        if state.run.status not in run_state.FINISHED:
            await self._running.put(state)
            return
        await self._running.drop(state.run.id)
        await self._jobs.publish(state, policy.finished_run_ttl_seconds)
        await self._endings.tell(state.run, self._jobs.uid_of(state.run.id))

    async def changes(self) -> AsyncIterator[model.RunId]:
        """Yield the id of a run whenever something about its pods or its Job may have changed."""
        async for run_id in self._changes.read():
            yield run_id

    def _pod_changed(
        self, old: worker_state.StepPod | None, new: worker_state.StepPod | None
    ) -> None:
        pod = new or old
        if pod is None:
            return
        if new is None:
            self._runs_by_pod.pop(pod.uid, None)
            self._created_at.pop(pod.uid, None)
        else:
            self._runs_by_pod[pod.uid] = pod.run_id
        if new is None or new.worker.phase is not WorkerPhase.PENDING:
            self._notes.drop(pod.uid)
        if old is None or new is None or old.worker != new.worker:
            self._changes.push(pod.run_id)

    def _job_changed(self, old: run_jobs.RunJob | None, new: run_jobs.RunJob | None) -> None:
        if new is not None:
            self._jobs.remember(new.run_id, new.shown.uid)
        elif old is not None:
            self._jobs.note_deleted(old.run_id)
            self._changes.push(old.run_id)

    def _note_changed(self, _: pod_notes.PodNote | None, new: pod_notes.PodNote | None) -> None:
        run_id = None if new is None else self._runs_by_pod.get(new.pod_uid)
        if new is not None and run_id is not None:
            self._notes.add(new)
            self._changes.push(run_id)


class _PodNames:
    """Names of pods by step key; a plan is searched once, not once for each step."""

    MAX_PLANS = 256

    def __init__(self) -> None:
        self._indexes: OrderedDict[model.RunId, dict[str, int]] = OrderedDict()

    def find(self, run: model.Run, step_key: model.StepKey, attempt: int) -> str:
        """Return the name of the pod of an attempt; a step that is not in the plan is a fault of the caller."""
        indexes = self._indexes.get(run.id)
        if indexes is None or len(indexes) != len(run.plan.steps):
            indexes = {planned.key: index for index, planned in enumerate(run.plan.steps)}
            self._indexes[run.id] = indexes
            while len(self._indexes) > self.MAX_PLANS:
                self._indexes.popitem(last=False)
        return names.pod_name(run, indexes[step_key], attempt)
