"""Writes the status of a custom resource once per pass, and tells transitions as Events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import conditions, errors
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.events import EventRecorder
from opweave_operator.adapters.kubernetes.resources import Resource


class StatusWriter:
    """Writes statuses, and only differences: a pass that changes nothing writes nothing."""

    def __init__(self, client: Client, events: EventRecorder, clock: ports.Clock) -> None:
        self._client = client
        self._events = events
        self._clock = clock

    async def write(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        verdict: conditions.Verdict,
        fields: Mapping[str, Any],
    ) -> None:
        """Show *verdict* and *fields* on the object *body*; a field that is None is removed."""
        metadata = body["metadata"]
        current = body.get("status") or {}
        before = current.get("conditions") or []
        generation = int(metadata.get("generation") or 0)
        wanted = {
            **fields,
            "observedGeneration": generation,
            "conditions": conditions.merged(before, verdict, generation, self._clock.now()),
        }
        patch = difference(current, wanted)
        if patch:
            try:
                await self._client.patch(
                    resource,
                    metadata["namespace"],
                    metadata["name"],
                    {"status": patch},
                    subresource="status",
                )
            except errors.NotFound:
                return
        if is_news(conditions.reason_of(before), verdict):
            await self._events.record(
                body,
                verdict.reason,
                verdict.message or verdict.reason,
                is_warning=verdict.is_stalled,
            )


def is_news(shown: tuple[str, str], verdict: conditions.Verdict) -> bool:
    """Whether people should be told of *verdict* after the condition Ready that was *shown*.

    Steps of what goes on anyway are not news: only that it has begun, and how it ends.
    """
    if verdict.is_reconciling and shown[1] == verdict.reason:
        return False
    return shown != ("True" if verdict.is_ready else "False", verdict.reason)


def difference(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch from *current* to *wanted*; keys that *wanted* does not name stay."""
    patch: dict[str, Any] = {}
    for key, value in wanted.items():
        old = current.get(key)
        if value is None:
            if key in current:
                patch[key] = None
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            inner = difference(old, {**dict.fromkeys(old), **value})
            if inner:
                patch[key] = inner
        elif old != value:
            patch[key] = value
    return patch
