"""Launch a run: find its target, have its plan made, store it QUEUED. The engine does the rest.

Called by the API, by the handler of Job objects and by ticks, with the same result for the same request.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave.wire.attempt import EventType
from opweave_operator import ports
from opweave_operator.core import ids, instance, model, reexecution, run_state
from opweave_operator.usecases import check_config
from opweave_operator.usecases.launch_request import (
    Launched,
    LaunchFailure,
    LaunchRefused,
    LaunchRequest,
    LaunchResult,
    ReexecutionRequest,
)
from opweave_operator.usecases.launch_target import LaunchTarget, TargetFinder

DEDUPE_TAG = "opweave/dedupe-key"
PRIORITY_TAG = "opweave/priority"
MAX_RUNTIME_TAG = "opweave/max_runtime"
RUN_KEY_TAG = "opweave/run_key"
PARENT_TAG = "opweave/parent_run_id"
ROOT_TAG = "opweave/root_run_id"
LARGEST_PRIORITY = 1000
"""As ``Job.spec.priority`` has it: from minus this to this."""

LARGEST_RUNTIME_SECONDS = 31_536_000
"""A year, as ``Job.spec.timeouts.runSeconds`` has it."""


_DIGITS = 10
_MOST_TAGS = 64
_LONGEST_TAG_KEY = 128
_LONGEST_TAG_VALUE = 1024
_MOST_STEPS = 10_000
_MOST_SELECTED = 10_000
_MOST_ANCESTORS = 100
_CLOCK_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What a request and its declared job come to."""

    run_config: Mapping[str, Any]
    priority: int


class RunLauncher:
    """Launches runs.

    Args:
        runs: Where the run is stored.
        catalog: Where locations and declared jobs are found.
        code_locations: Who makes the plan.
        clock: For the run's id and time.
    """

    def __init__(
        self,
        *,
        runs: ports.RunStore,
        catalog: ports.CatalogStore,
        code_locations: ports.CodeLocations,
        clock: ports.Clock,
    ) -> None:
        self._runs = runs
        self._catalog = catalog
        self._targets = TargetFinder(catalog)
        self._code_locations = code_locations
        self._clock = clock
        self._deduplicating = asyncio.Lock()

    async def launch(self, request: LaunchRequest) -> LaunchResult:
        """Store a QUEUED run, or say why there is none.

        A *run_id* or *dedupe_key* that was used before returns that run. Two processes that launch the same *dedupe_key* in the
        same moment can make two runs; the same *run_id* never does.
        """
        fault = _request_fault(request, self._clock.now())
        if fault:
            return LaunchRefused(message=fault)
        if request.run_id is not None:
            return await self._launch_id(request, ids.parse_run_id(request.run_id))
        if request.dedupe_key is None:
            return await self._launch_new(request, self._new_id(secrets.token_bytes(10)))
        async with self._deduplicating:
            return await self._launch_once(request, request.dedupe_key)

    async def _launch_id(self, request: LaunchRequest, run_id: model.RunId) -> LaunchResult:
        stored = await self._runs.load(run_id)
        if stored is None:
            return await self._launch_new(request, run_id)
        return _again(request, stored.run)

    async def _launch_once(self, request: LaunchRequest, key: str) -> LaunchResult:
        where = ports.RunFilter(tags={DEDUPE_TAG: key})
        for run in await self._runs.list_runs(where, limit=100):
            if request.namespace in (None, run.location.namespace):
                return Launched(run=run, is_new=False)
        digest = hashlib.sha256(f"{request.namespace}\n{key}".encode()).digest()
        return await self._launch_new(request, self._new_id(digest[:10]))

    def _new_id(self, randomness: bytes) -> model.RunId:
        return ids.new_run_id(self._clock.now(), randomness)

    async def _launch_new(self, request: LaunchRequest, run_id: model.RunId) -> LaunchResult:
        target = await self._targets.find(
            namespace=request.namespace,
            location=request.location,
            job=request.job or (model.ASSET_JOB if request.asset_selection else None),
            job_resource=request.job_resource,
        )
        if not isinstance(target, LaunchTarget):
            return target
        settled = _settle(request, target)
        if isinstance(settled, LaunchRefused):
            return settled
        parent = await self._parent(request, target)
        if isinstance(parent, LaunchRefused):
            return parent
        plan = await self._plan(request, target, settled)
        if not isinstance(plan, wire_plan.RunPlan):
            return plan
        if request.repeat is not None and parent is not None:
            again = reexecution.planned(
                plan, await self._ancestors(parent), request.repeat, request.step_selection
            )
            if isinstance(again, reexecution.Impossible):
                return LaunchRefused(message=again.message)
            plan = again
        tags = _merge_tags(request, target, plan, parent)
        fault = _tags_fault(tags)
        if fault:
            return LaunchRefused(message=fault)
        timeouts = _timeouts(request, target, tags)
        if isinstance(timeouts, LaunchRefused):
            return timeouts
        artifacts = instance.artifacts(await self._catalog.get_instance())
        run = _build(
            run_id,
            request,
            target,
            settled,
            plan,
            tags,
            parent,
            timeouts,
            artifacts,
            self._clock.now(),
        )
        return await self._store(run, request)

    async def _store(self, run: model.Run, request: LaunchRequest) -> LaunchResult:
        enqueued = model.NewEvent(
            type=EventType.RUN_ENQUEUED,
            at=run.created_at,
            message=f"queued by {run.launched_by}" if run.launched_by else "queued",
        )
        stored = await self._runs.create(run, (enqueued,))
        if stored.run.created_at == run.created_at:
            return Launched(run=stored.run, is_new=True)
        return _again(request, stored.run)

    async def _parent(
        self, request: LaunchRequest, target: LaunchTarget
    ) -> model.Run | LaunchRefused | None:
        if request.parent_run_id is None:
            return None
        state = await self._runs.load(ids.parse_run_id(request.parent_run_id))
        if state is None or state.run.location != target.location.ref:
            return LaunchRefused(
                message=f"parent run {request.parent_run_id} is not a run of location"
                f" {target.location.ref}"
            )
        return state.run

    async def reexecute(self, wish: ReexecutionRequest) -> LaunchResult:
        """Store a QUEUED run that repeats an ended one, wholly or in part, or say why there is none.

        Its job, location and, unless the wish has others, config and tags are those of the parent; its definitions are today's.
        """
        try:
            parent_id = ids.parse_run_id(wish.parent_run_id)
        except ValueError as error:
            return LaunchRefused(message=str(error))
        parent = await self._runs.load(parent_id)
        if parent is None:
            return LaunchRefused(message=f"there is no run {parent_id}")
        run = parent.run
        if run.status not in run_state.FINISHED:
            return LaunchRefused(
                message=f"run {run.id} has not ended ({run.status}): wait for it, or terminate it"
            )
        ancestors = await self._ancestors(run)
        return await self.launch(
            LaunchRequest(
                namespace=run.location.namespace,
                location=None if run.job_resource else run.location.name,
                job=run.job,
                job_resource=run.job_resource,
                run_config=run.plan.run_config if wish.run_config is None else wish.run_config,
                tags={**_own_tags(run), **wish.tags},
                priority=run.priority,
                op_selection=await self._same_ops(run, ancestors),
                launched_by=wish.launched_by,
                run_id=wish.run_id,
                parent_run_id=run.id,
                repeat=wish.strategy,
                step_selection=wish.step_selection,
            )
        )

    async def _ancestors(self, run: model.Run) -> list[model.RunState]:
        """Return *run*, its parent, and so on."""
        found: list[model.RunState] = []
        run_id: model.RunId | None = run.id
        while run_id is not None and len(found) < _MOST_ANCESTORS:
            state = await self._runs.load(run_id)
            if state is None or state.run.location != run.location or state.run.job != run.job:
                break
            found.append(state)
            run_id = state.run.parent_run_id
        return found

    async def _same_ops(self, run: model.Run, ancestors: list[model.RunState]) -> tuple[str, ...]:
        """Return the op selection of *run*: empty when it had all ops that the job has now."""
        target = await self._targets.find(
            namespace=run.location.namespace, location=run.location.name, job=run.job
        )
        if not isinstance(target, LaunchTarget):
            return ()  # the launch says what is missing
        plan = target.job.plan
        now = {mapped_steps.op_path(step.key) for step in (*plan.steps, *plan.templates)}
        before = reexecution.op_paths(ancestors)
        return () if now <= before else tuple(sorted(now & before))

    async def _plan(
        self, request: LaunchRequest, target: LaunchTarget, settled: _Settled
    ) -> wire_plan.RunPlan | LaunchFailure:
        plan = await check_config.check(
            self._code_locations,
            target,
            settled.run_config,
            request.op_selection,
            _assets(request),
        )
        fault = _plan_fault(plan) if isinstance(plan, wire_plan.RunPlan) else None
        return LaunchRefused(message=fault) if fault else plan


def _assets(request: LaunchRequest) -> tuple[str, ...] | None:
    """Return the selection of assets of the request itself; None means the declared job's.

    A run that repeats another has that one's steps, whatever the declaration selects today.
    """
    if request.asset_selection or request.repeat is not None:
        return request.asset_selection
    return None


def _own_tags(run: model.Run) -> dict[str, str]:
    """Return the tags that a run which repeats *run* has too; not those by which another launch finds just this one."""
    return {key: value for key, value in run.tags.items() if key not in (DEDUPE_TAG, RUN_KEY_TAG)}


def _again(request: LaunchRequest, stored: model.Run) -> LaunchResult:
    """Return the stored run for a repeated id, unless it is a run of something else."""
    is_same = (
        request.namespace in (None, stored.location.namespace)
        and request.location in (None, stored.location.name)
        and request.job in (None, stored.job)
        and request.job_resource == stored.job_resource
    )
    if is_same:
        return Launched(run=stored, is_new=False)
    return LaunchRefused(
        message=f"run id {stored.id} belongs to a run of {stored.location}'s job {stored.job!r}:"
        " choose another"
    )


def _settle(request: LaunchRequest, target: LaunchTarget) -> _Settled | LaunchRefused:
    declared = target.declared
    run_config = request.run_config
    if run_config is None:
        run_config = declared.run_config if declared else {}
    priority = request.priority
    if priority is None and PRIORITY_TAG in request.tags:
        try:
            priority = int(request.tags[PRIORITY_TAG])
        except ValueError:
            return LaunchRefused(
                message=f"tag {PRIORITY_TAG} must be a whole number, not"
                f" {request.tags[PRIORITY_TAG][:40]!r}"
            )
    if priority is None:
        priority = declared.priority if declared else 0
    if abs(priority) > LARGEST_PRIORITY:
        return LaunchRefused(
            message=f"priority: {priority} is not from -{LARGEST_PRIORITY} to {LARGEST_PRIORITY}"
        )
    return _Settled(run_config=run_config, priority=priority)


def _merge_tags(
    request: LaunchRequest,
    target: LaunchTarget,
    plan: wire_plan.RunPlan,
    parent: model.Run | None,
) -> dict[str, str]:
    declared = dict(target.declared.tags) if target.declared else {}
    tags = {**target.job.tags, **plan.tags, **declared, **request.tags}
    if request.dedupe_key is not None:
        tags[DEDUPE_TAG] = request.dedupe_key
    if parent is not None:
        tags[PARENT_TAG] = parent.id
        tags[ROOT_TAG] = parent.root_run_id or parent.id
    return tags


def _timeouts(
    request: LaunchRequest, target: LaunchTarget, tags: Mapping[str, str]
) -> model.Timeouts | LaunchRefused:
    """Return the limits of the run: a tag of the request counts before the declared job, a tag in the code after it."""
    declared = target.declared.timeouts if target.declared else model.Timeouts()
    text = tags.get(MAX_RUNTIME_TAG)
    if text is None or (declared.run_seconds is not None and MAX_RUNTIME_TAG not in request.tags):
        return declared
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0
    if not 0 < seconds <= LARGEST_RUNTIME_SECONDS:
        return LaunchRefused(
            message=f"tag {MAX_RUNTIME_TAG} must be a whole number of seconds from 1 to"
            f" {LARGEST_RUNTIME_SECONDS}, not {text[:40]!r}"
        )
    return replace(declared, run_seconds=seconds)


def _build(
    run_id: model.RunId,
    request: LaunchRequest,
    target: LaunchTarget,
    settled: _Settled,
    plan: wire_plan.RunPlan,
    tags: Mapping[str, str],
    parent: model.Run | None,
    timeouts: model.Timeouts,
    artifacts: Mapping[str, Any],
    now: datetime,
) -> model.Run:
    declared = target.declared
    template = dict(target.location.worker_template)
    if declared and declared.step_overrides:
        template[model.JOB_STEPS_KEY] = dict(declared.step_overrides)
    if artifacts:
        template[model.ARTIFACTS_KEY] = dict(artifacts)
    return model.Run(
        id=run_id,
        location=target.location.ref,
        job=target.job.name,
        status=model.RunStatus.QUEUED,
        plan=plan,
        created_at=now,
        job_resource=declared.name if declared else None,
        tags=dict(tags),
        priority=settled.priority,
        worker_template=template,
        definitions_hash=plan.definitions_hash or _served_hash(target),
        image=target.location.image,
        launched_by=request.launched_by[:256],
        parent_run_id=parent.id if parent else None,
        root_run_id=(parent.root_run_id or parent.id) if parent else None,
        timeouts=timeouts,
    )


def _served_hash(target: LaunchTarget) -> str:
    """Return the hash of the definitions that the location serves; a plan of an older runtime does not say its own."""
    snapshot = target.location.snapshot
    return snapshot.definitions_hash if snapshot else ""


def _request_fault(request: LaunchRequest, now: datetime) -> str | None:
    fault = _tags_fault(request.tags)
    if fault:
        return fault
    if request.dedupe_key is not None and not 0 < len(request.dedupe_key) <= 512:
        return "dedupe key: give 1 to 512 characters"
    if len(request.op_selection) > _MOST_SELECTED:
        return f"op selection: at most {_MOST_SELECTED} names"
    if len(request.asset_selection) > _MOST_SELECTED:
        return f"asset selection: at most {_MOST_SELECTED} parts"
    return _run_ids_fault(request, now)


def _run_ids_fault(request: LaunchRequest, now: datetime) -> str | None:
    try:
        for text in filter(None, (request.run_id, request.parent_run_id)):
            made_at = ids.created_at(ids.parse_run_id(text))
            is_new = text == request.run_id and not request.may_be_late
            if is_new and abs(made_at - now) > _CLOCK_TOLERANCE:
                return f"run id {text} was made at {made_at:%Y-%m-%d}: make it with today's clock"
    except ValueError as error:
        return str(error)
    return None


def _tags_fault(tags: Mapping[str, str]) -> str | None:
    if len(tags) > _MOST_TAGS:
        return f"{len(tags)} tags are more than the {_MOST_TAGS} that a run may have"
    for key, value in tags.items():
        if not 0 < len(key) <= _LONGEST_TAG_KEY:
            return f"tag {key[:40]!r}: its name must have 1 to {_LONGEST_TAG_KEY} characters"
        if len(value) > _LONGEST_TAG_VALUE:
            return f"tag {key!r}: its value has more than {_LONGEST_TAG_VALUE} characters"
    return None


def _plan_fault(plan: wire_plan.RunPlan) -> str | None:
    """Return what is wrong with a plan, which comes from a user's process: it must be sound before it is stored."""
    if not plan.steps:
        return f"job {plan.job!r}: the selection holds no op; nothing would run"
    count = len(plan.steps) + len(plan.templates)
    if count > _MOST_STEPS:
        return f"job {plan.job!r}: {count} steps are more than {_MOST_STEPS}"
    seen: set[str] = set()
    for step in (*plan.steps, *plan.templates):
        if any(ref.run_id is not None for item in step.inputs for ref in item.sources):
            return f"job {plan.job!r}: step {step.key!r} asks for outputs of another run"
        if step.key in seen or not step.key:
            return f"job {plan.job!r}: the plan has two steps {step.key!r}"
        unknown = [key for key in step.upstream_keys if key not in seen]
        if unknown:
            return (
                f"job {plan.job!r}: step {step.key!r} depends on {unknown[0]!r}, which is not a step"
                " before it"
            )
        seen.add(step.key)
    return _templates_fault(plan)


def _templates_fault(plan: wire_plan.RunPlan) -> str | None:
    """Return what would keep the templates of *plan* from becoming steps."""
    dynamic = {
        wire_plan.OutputRef(step_key=step.key, output_name=output.name)
        for step in plan.steps
        for output in step.outputs
        if output.is_dynamic
    }
    over = {template.key: template.mapped_over for template in plan.templates}
    for template in plan.templates:
        is_named = template.key.endswith(mapped_steps.ANY_KEY)
        if template.mapped_over not in dynamic or not is_named:
            return f"job {plan.job!r}: step {template.key!r} is mapped over no dynamic output"
    for step in plan.steps:
        if mapped_steps.ANY_KEY in step.key:
            return f"job {plan.job!r}: step {step.key!r} is a template among the steps"
        for item in step.inputs:
            if item.collects is None:
                continue
            expected = over.get(item.collects.step_key, item.collects)
            if expected not in dynamic or item.sources != (expected,):
                return (
                    f"job {plan.job!r}: input {item.name!r} of step {step.key!r} collects no"
                    " dynamic output"
                )
    return _order_fault(plan)


def _order_fault(plan: wire_plan.RunPlan) -> str | None:
    seen: set[str] = set()
    for step in mapped_steps.in_order(plan):
        unknown = [key for key in mapped_steps.needed_keys(step) if key not in seen]
        if unknown:
            return f"job {plan.job!r}: steps {step.key!r} and {unknown[0]!r} wait for each other"
        seen.add(step.key)
    return None
