"""A namespace per test module on the test cluster, removed at its end."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator

from opweave_operator.adapters.kubernetes import names
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.resources import PODS, Resource

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False)


@contextlib.asynccontextmanager
async def fresh_namespace(client: Client, prefix: str) -> AsyncIterator[str]:
    """Make a namespace under Pod Security ``restricted``; afterwards let go of its pods and delete it."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    labels = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "opweave.dev/test": "true",
    }
    await client.create(NAMESPACES, None, {"metadata": {"name": name, "labels": labels}})
    try:
        yield name
    finally:
        for pod in await client.list_all(PODS, name, label_selector=names.MANAGED_SELECTOR):
            with contextlib.suppress(Exception):
                await client.patch(
                    PODS, name, pod["metadata"]["name"], {"metadata": {"finalizers": None}}
                )
        await client.delete(NAMESPACES, None, name)
