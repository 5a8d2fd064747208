"""Events on our custom resources: transitions that people should see in ``kubectl describe``."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors, moments, names
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.resources import K8S_EVENTS

MAX_NOTE = 1024
"""events.k8s.io allows no more in a note, so core/v1 readers get no more either."""

_log = logging.getLogger(__name__)


class EventRecorder:
    """Writes core/v1 Events. One that cannot be written is logged and forgotten: it is news, not state.

    The name derives from object, reason, message and hour, or from what the caller says happens only once: news told twice,
    by a restarted controller for instance, is one Event.
    """

    def __init__(self, client: Client, clock: ports.Clock) -> None:
        self._client = client
        self._clock = clock

    async def record(
        self,
        about: Mapping[str, Any],
        reason: str,
        message: str,
        *,
        is_warning: bool = False,
        once: str = "",
    ) -> None:
        """Tell *message* about the object *about*.

        Args:
            about: A Kubernetes object.
            reason: In CamelCase, for programs.
            message: For people.
            is_warning: Somebody may have to do something.
            once: Names what happened, when it can happen to the object only once, whatever the hour.
        """
        metadata = about.get("metadata") or {}
        now = self._clock.now()
        text = message if len(message) <= MAX_NOTE else message[: MAX_NOTE - 3] + "..."
        identity = f"{metadata.get('uid')}|{once or f'{reason}|{text}|{now:%Y%m%d%H}'}"
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        namespace, name = str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
        body = {
            "metadata": {"name": f"{name}.{digest}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about.get("apiVersion"),
                "kind": about.get("kind"),
                "namespace": namespace,
                "name": name,
                "uid": metadata.get("uid"),
            },
            "reason": reason,
            "message": text,
            "type": "Warning" if is_warning else "Normal",
            "eventTime": moments.render_micro(now),
            "firstTimestamp": moments.render(now),
            "lastTimestamp": moments.render(now),
            "count": 1,
            "action": reason,
            "reportingComponent": names.FIELD_MANAGER,
            "reportingInstance": names.FIELD_MANAGER,
        }
        try:
            await self._client.create(K8S_EVENTS, namespace, body)
        except errors.Conflict:
            return
        except errors.ApiError as error:
            _log.warning("k8s_event_not_written", extra={"reason": reason, "error": str(error)})
