"""Job: a declared job, validated against its location, launched by an annotation, showing its runs."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opweave.wire import location as wire_location
from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors, moments, names, pod_shape
from opweave_operator.adapters.kubernetes.client import JsonObject
from opweave_operator.adapters.kubernetes.conditions import Verdict
from opweave_operator.adapters.kubernetes.events import EventRecorder
from opweave_operator.adapters.kubernetes.resources import JOBS
from opweave_operator.core import model, run_state
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.status import StatusWriter
from opweave_operator.usecases import launch_request, launch_target

WAITING_SECONDS = 3.0
"""Between two looks while the location is not ready; its handler wakes us as well."""
UNFINISHED_SECONDS = 2.0
"""Between two looks while the last run goes on."""
STEADY_SECONDS = 60.0
MAX_REQUEST = 64
MAX_CACHED_PLANS = 1000
MAX_PROBLEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What validation says; *plan* is there when runs can be launched."""

    verdict: Verdict
    plan: wire_plan.RunPlan | None = None


class JobReconciler:
    """Reconciles Jobs of group ``opweave.dev``."""

    def __init__(
        self, parts: Collaborators, status: StatusWriter, k8s_events: EventRecorder
    ) -> None:
        self._parts = parts
        self._status = status
        self._events = k8s_events
        self._replies: OrderedDict[tuple[str, str], wire_location.PlanReply] = OrderedDict()
        self._locations: dict[tuple[str, str], str] = {}

    def jobs_of(self, namespace: str, location: str) -> list[tuple[str, str]]:
        """Return the Jobs that were last seen to name a location."""
        return [
            key for key, name in self._locations.items() if key[0] == namespace and name == location
        ]

    async def reconcile(self, namespace: str, name: str) -> float:
        """Bring one Job forward; return after how many seconds to look again, 0 when it is gone."""
        try:
            body = await self._parts.client.get(JOBS, namespace, name)
        except errors.NotFound:
            self._locations.pop((namespace, name), None)
            await self._parts.catalog.delete_job(namespace, name)
            return 0
        record = record_of(body)
        self._locations[namespace, name] = record.location
        if await self._parts.catalog.get_job(namespace, name) != record:
            await self._parts.catalog.put_job(record)
        judgement = await self._judge(body, record)
        requests = await self._launch_if_requested(body, judgement)
        runs, seconds = await self._runs(record)
        fields = {**runs, "graph": _graph(judgement.plan), **requests}
        await self._status.write(JOBS, body, judgement.verdict, fields)
        return seconds if judgement.plan is not None else min(seconds, WAITING_SECONDS)

    async def _judge(self, body: JsonObject, record: ports.JobRecord) -> Judgement:
        try:
            pod_shape.from_custom_resource(record.step_overrides, "spec.steps")
        except pod_shape.ShapeError as error:
            return _stalled("InvalidSpec", str(error))
        ref = model.LocationRef(namespace=record.namespace, name=record.location)
        location = await self._parts.catalog.get_location(ref)
        if location is None or location.snapshot is None or not location.url:
            return _waiting(_why_not_ready(ref, location))
        found = {job.name for job in location.snapshot.jobs}
        if record.assets and record.job not in found:
            return _stalled("InvalidAssets", f"spec.assets: {launch_target.no_assets(ref)}")
        if record.job not in found:
            return _stalled("JobNotFound", _not_found(record, ref, found))
        return await self._check_config(record, location, location.snapshot.definitions_hash)

    async def _check_config(
        self, record: ports.JobRecord, location: ports.LocationRecord, definitions_hash: str
    ) -> Judgement:
        try:
            reply = await self._plan(record, location.url, definitions_hash)
        except ports.LocationUnavailable as unavailable:
            return _waiting(f"code location {location.ref} does not answer: {unavailable}")
        if reply.plan is not None:
            verdict = Verdict(is_ready=True, reason="Valid", message=_valid(record, reply.plan))
            return Judgement(verdict=verdict, plan=reply.plan)
        if record.assets and not reply.problems:
            return _stalled("InvalidAssets", f"spec.assets: {reply.message or 'no plan was made'}")
        return _stalled("InvalidRunConfig", _problems(reply))

    async def _plan(
        self, record: ports.JobRecord, url: str, definitions_hash: str
    ) -> wire_location.PlanReply:
        config = json.dumps(record.run_config, sort_keys=True, default=str)
        what = json.dumps([record.job, record.assets])
        question = f"{record.namespace}/{record.location}/{what}\n{config}"
        key = (definitions_hash, hashlib.sha256(question.encode()).hexdigest())
        known = self._replies.get(key)
        if known is not None:
            return known
        request = wire_location.PlanRequest(
            job=record.job,
            run_config=dict(record.run_config),
            asset_selection=(record.assets,) if record.assets else (),
        )
        reply = await self._parts.code_locations.plan(url, request)
        if reply.plan is None or reply.plan.definitions_hash in ("", definitions_hash):
            self._replies[key] = reply
            while len(self._replies) > MAX_CACHED_PLANS:
                self._replies.popitem(last=False)
        return reply

    async def _launch_if_requested(self, body: JsonObject, judgement: Judgement) -> dict[str, Any]:
        """Launch the run that the annotation asks for; return the status about requests from now on.

        The run carries a key made of the object's uid, how many requests were handled before, and the annotation's value:
        a controller that dies between the launch and the status makes no second run, and a value that comes back does.
        """
        metadata, shown = body["metadata"], body.get("status") or {}
        wish = (metadata.get("annotations") or {}).get(names.ANNOTATION_RUN_REQUESTED_AT)
        if not wish:
            return {}
        value = _short(str(wish))
        if value == shown.get("lastRunRequestedAt") or judgement.verdict.is_reconciling:
            return {}
        before = int(shown.get("runRequests") or 0)
        if not await self._handle_request(body, judgement, f"{metadata['uid']}:{before}:{value}"):
            return {}
        return {"lastRunRequestedAt": value, "runRequests": before + 1}

    async def _handle_request(self, body: JsonObject, judgement: Judgement, key: str) -> bool:
        """Launch, or say why not; return whether the request needs no further try."""
        metadata = body["metadata"]
        if judgement.plan is None:
            await self._tell_refusal(body, judgement.verdict.message)
            return True
        result = await self._parts.launch(
            launch_request.LaunchRequest(
                namespace=metadata["namespace"],
                job_resource=metadata["name"],
                launched_by="annotation",
                dedupe_key=key,
            )
        )
        if isinstance(result, launch_request.TargetUnavailable):
            return False
        if isinstance(result, launch_request.Launched):
            await self._events.record(body, "RunLaunched", f"run {result.run.id} is queued")
        elif isinstance(result, launch_request.ConfigRefused):
            refused = wire_location.PlanReply(problems=result.problems)
            await self._tell_refusal(body, _problems(refused))
        else:
            await self._tell_refusal(body, result.message)
        return True

    async def _tell_refusal(self, body: JsonObject, message: str) -> None:
        text = f"nothing was launched: {message}"
        await self._events.record(body, "RunRefused", text, is_warning=True)

    async def _runs(self, record: ports.JobRecord) -> tuple[dict[str, Any], float]:
        """Return the status about runs, and after how long it may have changed."""
        where = ports.RunFilter(
            job_resource=record.name,
            location=model.LocationRef(namespace=record.namespace, name=record.location),
        )
        newest = await self._parts.runs.list_runs(where, limit=1)
        if not newest:
            return {"lastRun": None, "runs": None}, STEADY_SECONDS
        run = newest[0]
        counts = await self._parts.runs.count_by_status(where)
        shown = {status.value: number for status, number in counts.items() if number}
        last = {
            "id": run.id,
            "status": run.status.value,
            "requestedAt": moments.render(run.created_at),
            "startedAt": moments.render(run.started_at) if run.started_at else None,
            "endedAt": moments.render(run.ended_at) if run.ended_at else None,
            "batchJob": names.run_object_name(run) if run.dequeued_at else None,
        }
        is_over = run.status in run_state.FINISHED
        present = {key: value for key, value in last.items() if value is not None}
        return {
            "lastRun": present,
            "runs": shown,
        }, STEADY_SECONDS if is_over else UNFINISHED_SECONDS


def record_of(body: Mapping[str, Any]) -> ports.JobRecord:
    """Return the declared job in a Job object."""
    metadata, spec = body["metadata"], body["spec"]
    assets = str(spec.get("assets") or "")
    timeouts = spec.get("timeouts") or {}
    return ports.JobRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        location=str(spec["codeLocation"]),
        job=model.ASSET_JOB if assets else str(spec["job"]),
        assets=assets,
        run_config=spec.get("runConfig") or {},
        tags={str(key): str(value) for key, value in (spec.get("tags") or {}).items()},
        priority=int(spec.get("priority") or 0),
        max_concurrent_runs=(spec.get("limits") or {}).get("maxConcurrentRuns"),
        timeouts=model.Timeouts(
            start_seconds=timeouts.get("startSeconds"), run_seconds=timeouts.get("runSeconds")
        ),
        max_retries=(spec.get("retries") or {}).get("maxRetries"),
        step_overrides=spec.get("steps") or {},
    )


def _short(value: str) -> str:
    return value if len(value) <= MAX_REQUEST else hashlib.sha256(value.encode()).hexdigest()


def _valid(record: ports.JobRecord, plan: wire_plan.RunPlan) -> str:
    """Return what a job whose runs can be launched says of itself."""
    steps = len(plan.steps) + len(plan.templates)
    message = f"{steps} step{'' if steps == 1 else 's'}; runs can be launched"
    if record.max_retries:
        message += "; spec.retries does nothing yet: no further run follows one that failed"
    return message


def _stalled(reason: str, message: str) -> Judgement:
    return Judgement(
        verdict=Verdict(is_ready=False, reason=reason, message=message, is_stalled=True)
    )


def _waiting(message: str) -> Judgement:
    return Judgement(
        verdict=Verdict(
            is_ready=False, reason="LocationNotReady", message=message, is_reconciling=True
        )
    )


def _why_not_ready(ref: model.LocationRef, location: ports.LocationRecord | None) -> str:
    if location is None:
        return f"there is no CodeLocation {ref.name!r} in namespace {ref.namespace} yet"
    if location.failure is not None:
        return f"code location {ref} is not loaded: {location.failure.message}"
    return f"code location {ref} is loading"


def _not_found(record: ports.JobRecord, ref: model.LocationRef, found: set[str]) -> str:
    close = difflib.get_close_matches(record.job, sorted(found), n=1)
    there_is = f"it has {', '.join(sorted(found)[:20]) or 'none'}"
    hint = f"did you mean {close[0]!r}?" if close else there_is
    return f"spec.job: code location {ref} has no job {record.job!r}; {hint}"


def _problems(reply: wire_location.PlanReply) -> str:
    """Return every problem of a run config, a line each: path, then what is wrong with it."""
    lines = [
        f"{'.'.join(problem.path) or 'run config'} {problem.message}"
        for problem in reply.problems[:MAX_PROBLEMS]
    ]
    if len(reply.problems) > MAX_PROBLEMS:
        lines.append(f"and {len(reply.problems) - MAX_PROBLEMS} more")
    return "\n".join(lines) or reply.message or "the run config is not valid"


def _graph(plan: wire_plan.RunPlan | None) -> dict[str, int] | None:
    if plan is None:
        return None
    depth: dict[str, int] = {}
    steps = mapped_steps.in_order(plan)
    for step in steps:
        needed = mapped_steps.needed_keys(step)
        depth[step.key] = 1 + max((depth.get(key, 0) for key in needed), default=0)
    return {
        "steps": len(steps),
        "ops": len({step.op for step in steps}),
        "depth": max(depth.values(), default=0),
    }
