"""Schedule and Sensor: what they declare goes to the tick engine, what it has done is shown on them."""

from __future__ import annotations

import hashlib
from typing import Any

from opweave_operator.adapters.kubernetes import errors, moments
from opweave_operator.adapters.kubernetes.client import JsonObject
from opweave_operator.adapters.kubernetes.conditions import Verdict
from opweave_operator.adapters.kubernetes.resources import Resource
from opweave_operator.core.instigator_manifest import declaration_of
from opweave_operator.core.instigators import Declaration, Instigator, Kind
from opweave_operator.core.tick_records import Tick, TickStatus
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.status import StatusWriter
from opweave_operator.usecases.known_instigators import KnownInstigators

WAITING_SECONDS = 3.0
"""Between two looks while something that it needs is not there."""
LEAST_SECONDS = 1.0
MOST_SECONDS = 30.0
MOST_RUN_IDS = 16

WATCH_MESSAGE = (
    "this version of the operator watches no objects: spec.watch launches nothing. Name a sensor in the code with"
    " spec.codeLocation and spec.sensor"
)


class InstigatorReconciler:
    """Reconciles the objects of one of the two kinds."""

    def __init__(
        self, parts: Collaborators, status: StatusWriter, kind: Kind, resource: Resource
    ) -> None:
        self._parts = parts
        self._status = status
        self._kind = kind
        self._resource = resource
        self._known = KnownInstigators(parts.catalog, parts.instigators)

    async def reconcile(self, namespace: str, name: str) -> float:
        """Bring one object forward; return after how many seconds to look again, 0 when it is gone."""
        store = self._parts.instigators
        try:
            body = await self._parts.client.get(self._resource, namespace, name)
        except errors.NotFound:
            await store.delete_declaration(self._kind, namespace, name)
            return 0
        declaration = declaration_of(self._kind, namespace, name, body["spec"])
        if declaration.watch:
            verdict = Verdict(
                is_ready=False, reason="NotImplementedYet", message=WATCH_MESSAGE, is_stalled=True
            )
            await self._status.write(self._resource, body, verdict, {})
            return 0
        if declaration not in await store.declarations():
            await store.put_declaration(declaration)
        found = (await self._known.read())[declaration.ref]
        verdict = await self._judge(declaration, found)
        latest = await store.list_ticks(found.ref, limit=1)
        fields = self._fields(found, latest[0] if latest else None, is_ready=verdict.is_ready)
        await self._status.write(self._resource, body, verdict, fields)
        return self._look_again(found) if verdict.is_ready else WAITING_SECONDS

    async def _judge(self, declaration: Declaration, found: Instigator) -> Verdict:
        if found.declaration is not None and found.declaration.name != declaration.name:
            return _stalled(
                "AlreadyDeclared",
                f"{self._kind.lower()} {declaration.code_name} of {declaration.location} is declared by"
                f" {found.declaration.name!r} already, and ticks as that says; delete one of them",
            )
        if found.job_resource is not None:
            job = await self._parts.catalog.get_job(declaration.namespace, declaration.job)
            if job is None:
                return _stalled(
                    "JobNotFound",
                    f"there is no Job {declaration.job!r} in namespace {declaration.namespace}: create"
                    " it, or correct spec.job",
                )
        if found.problem:
            is_waiting = found.problem.endswith("is not loaded")
            return Verdict(
                is_ready=False,
                reason="WaitingForLocation" if is_waiting else "Invalid",
                message=found.problem,
                is_reconciling=is_waiting,
                is_stalled=not is_waiting,
            )
        return Verdict(is_ready=True, reason="Valid", message=_valid(found))

    def _fields(self, found: Instigator, last: Tick | None, *, is_ready: bool) -> dict[str, Any]:
        fields: dict[str, Any] = {"lastTick": _tick(last), "lastError": _error(last)}
        now = self._parts.clock.now()
        is_ticking = is_ready and found.is_running
        if self._kind is Kind.SENSOR:
            cursor = found.state.cursor
            digest = hashlib.sha256((cursor or "").encode("utf-8", "surrogatepass")).hexdigest()
            fields["cursorDigest"] = None if cursor is None else digest[:16]
            return fields
        fields["cron"] = str(found.cron)[:1024] if is_ready else None
        fields["timeZone"] = found.cron.timezone if is_ready else None
        upcoming = found.cron.next_after(now) if is_ticking else None
        fields["nextTickAt"] = moments.render(upcoming) if upcoming else None
        return fields

    def _look_again(self, found: Instigator) -> float:
        if not found.is_running:
            return MOST_SECONDS
        if self._kind is Kind.SENSOR:
            return min(MOST_SECONDS, max(LEAST_SECONDS, found.interval_seconds))
        now = self._parts.clock.now()
        left = (found.cron.next_after(now) - now).total_seconds() + LEAST_SECONDS
        return min(MOST_SECONDS, left)


def _valid(found: Instigator) -> str:
    target = f"Job {found.job_resource}" if found.job_resource else ", ".join(found.jobs)
    state = "" if found.is_running else "; suspended"
    return f"launches {target}{state}"[:8192]


def _stalled(reason: str, message: str) -> Verdict:
    return Verdict(is_ready=False, reason=reason, message=message, is_stalled=True)


def _tick(tick: Tick | None) -> dict[str, Any] | None:
    if tick is None:
        return None
    shown: dict[str, Any] = {
        "at": moments.render(tick.at),
        "status": tick.status.value,
        "runIds": list(tick.run_ids[:MOST_RUN_IDS]),
        "runs": tick.runs,
    }
    if tick.ended_at is not None:
        shown["evaluatedAt"] = moments.render(tick.ended_at)
    if tick.skip_reason:
        shown["skipReason"] = tick.skip_reason[:1024]
    return shown


def _error(tick: Tick | None) -> JsonObject | None:
    if tick is None or tick.status is not TickStatus.FAILURE:
        return None
    shown = {"message": tick.error[:4096], "at": moments.render(tick.ended_at or tick.at)}
    if tick.traceback:
        shown["traceback"] = tick.traceback[-16384:]
    return shown
