"""Instance: the settings of what this controller serves, in effect as soon as they are stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opweave_operator.adapters.kubernetes import errors, moments, pod_shape
from opweave_operator.adapters.kubernetes.conditions import Verdict
from opweave_operator.adapters.kubernetes.resources import INSTANCES
from opweave_operator.handlers import settings_effect
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.status import StatusWriter
from opweave_operator.settings import OperatorSettings

STATUS_SECONDS = 10.0
"""Between two looks: queue length and beats change without a change of the object."""

LEASE_SECONDS = 60.0
"""An Instance whose status shows a beat of a loop younger than this is served by another controller."""


class InstanceReconciler:
    """Reconciles Instances: serves one, tells the others that nobody does."""

    def __init__(self, parts: Collaborators, status: StatusWriter) -> None:
        self._parts = parts
        self._status = status

    async def reconcile(self, namespace: str, name: str) -> float:
        """Bring one Instance forward; return after how many seconds to look again, 0 when it is gone."""
        settings = self._parts.settings
        is_served = (namespace, name) == (settings.namespace, settings.instance)
        try:
            body = await self._parts.client.get(INSTANCES, namespace, name)
        except errors.NotFound:
            if is_served:
                await self._parts.catalog.put_instance({})
            return 0
        if not is_served:
            if is_served_elsewhere(body, self._parts.clock.now()):
                return LEASE_SECONDS
            verdict = Verdict(
                is_ready=False,
                reason="NotServed",
                message=f"this controller serves the Instance {settings.namespace}/{settings.instance};"
                " start one for this Instance or use that one",
                is_stalled=True,
            )
            await self._status.write(INSTANCES, body, verdict, {})
            return LEASE_SECONDS
        spec = body.get("spec") or {}
        verdict = judge(spec, settings.database_url)
        if verdict.is_ready and await self._parts.catalog.get_instance() != spec:
            await self._parts.catalog.put_instance(spec)
        await self._status.write(INSTANCES, body, verdict, await self._fields(spec))
        return STATUS_SECONDS

    async def _fields(self, spec: dict[str, Any]) -> dict[str, Any]:
        loops = [
            {
                "name": loop.name,
                "healthy": loop.is_healthy,
                **(
                    {"lastBeatAt": moments.render(loop.last_beat_at)}
                    if loop.last_beat_at is not None
                    else {}
                ),
            }
            for loop in self._parts.loops()
        ]
        return {
            "databaseVersion": self._parts.database_version[:128] or None,
            "queueLength": len(await self._parts.runs.queued()),
            "url": (spec.get("web") or {}).get("url") or service_url(self._parts.settings),
            "loops": loops or None,
        }


def is_served_elsewhere(body: Mapping[str, Any], now: datetime) -> bool:
    """Whether the status shows that a controller serves the Instance: its word goes before that of one that does not."""
    loops = (body.get("status") or {}).get("loops") or ()
    beats = [beat for loop in loops if (beat := moments.parse(loop.get("lastBeatAt"))) is not None]
    return any(now - beat < timedelta(seconds=LEASE_SECONDS) for beat in beats)


def service_url(own: OperatorSettings) -> str:
    """Return the address of the Service, as steps call it; without the port that every program assumes."""
    url = own.api_url or f"http://opweave-web.{own.namespace}.svc{own.path_prefix}"
    return re.sub(r"^(http://[^/:]+):80(?=/|$)", r"\1", url)


def judge(spec: Mapping[str, Any], database_url: str) -> Verdict:
    """Return whether the settings can be used by a process on *database_url*; when not, those stored before stay."""
    try:
        pod_shape.from_custom_resource(spec.get("podDefaults") or {}, "spec.podDefaults")
    except pod_shape.ShapeError as error:
        return Verdict(is_ready=False, reason="InvalidSpec", message=str(error), is_stalled=True)
    mismatch = settings_effect.storage_mismatch(spec, database_url)
    if mismatch:
        return Verdict(is_ready=False, reason="StorageMismatch", message=mismatch, is_stalled=True)
    idle = settings_effect.without_effect(spec)
    if idle:
        message = (
            f"the settings are in effect, but this version does not obey yet: {', '.join(idle)}"
        )
        return Verdict(is_ready=True, reason="PartlyInEffect", message=message)
    return Verdict(is_ready=True, reason="Served", message="the settings are in effect")
