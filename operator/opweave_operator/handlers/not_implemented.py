"""Schedule and Sensor: accepted by their schemas, honest about not ticking in this version."""

from __future__ import annotations

from opweave_operator.adapters.kubernetes import errors
from opweave_operator.adapters.kubernetes.conditions import Verdict
from opweave_operator.adapters.kubernetes.resources import Resource
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.status import StatusWriter


class NotImplementedReconciler:
    """Says on every object of *resource* that nothing happens yet, and *message* what to do meanwhile."""

    def __init__(
        self, parts: Collaborators, status: StatusWriter, resource: Resource, message: str
    ) -> None:
        self._parts = parts
        self._status = status
        self._resource = resource
        self._message = message

    async def reconcile(self, namespace: str, name: str) -> float:
        """Write the condition; nothing else ever has to be looked at again."""
        try:
            body = await self._parts.client.get(self._resource, namespace, name)
        except errors.NotFound:
            return 0
        verdict = Verdict(
            is_ready=False, reason="NotImplementedYet", message=self._message, is_stalled=True
        )
        await self._status.write(self._resource, body, verdict, {})
        return 0
