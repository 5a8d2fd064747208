"""Watches the Instances of the operator's own namespace where kopf does not: when only other namespaces are served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opweave_operator import settings
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.informer import Informer
from opweave_operator.adapters.kubernetes.resources import INSTANCES

Seen = tuple[str, int]
"""Name and generation: our own writes of a status change neither."""


def is_needed(own: settings.OperatorSettings) -> bool:
    """Whether the served namespaces leave out the one where the Instance is."""
    return bool(own.watch_namespaces) and own.namespace not in own.watch_namespaces


def informer(client: Client, namespace: str, wake: Callable[[str], None]) -> Informer[Seen]:
    """Return what calls *wake* with the name of each Instance of *namespace* that is new, changed or gone."""

    def changed(old: Seen | None, new: Seen | None) -> None:
        seen = new or old
        if seen is not None and old != new:
            wake(seen[0])

    return Informer(client, INSTANCES, decode=_decode, on_change=changed, namespaces=(namespace,))


def _decode(body: Mapping[str, Any]) -> Seen:
    metadata = body["metadata"]
    return str(metadata["name"]), int(metadata.get("generation") or 0)
