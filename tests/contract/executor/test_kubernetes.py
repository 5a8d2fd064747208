"""The executor of a cluster under the contract of all executors, on the real API server and kubelet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

import testbed
from contract.executor import suite
from integration.kubernetes import namespaces
from opweave_operator.adapters.kubernetes import connection, worker_template
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.executor import KubernetesExecutor
from opweave_operator.adapters.kubernetes.manifests import code_volumes
from opweave_operator.adapters.kubernetes.resources import CONFIG_MAPS
from opweave_operator.clock import SystemClock
from opweave_operator.core import model

pytestmark = pytest.mark.cluster


@dataclass(frozen=True, slots=True)
class Harness:
    """`suite.ExecutorHarness` in a namespace of its own."""

    executor: KubernetesExecutor
    namespace: str
    image: str

    def location(self) -> model.LocationRef:
        """Return a location of the namespace."""
        return model.LocationRef(namespace=self.namespace, name="contract")

    def worker_template(self) -> dict[str, object]:
        """Return a template whose pods take the double from a ConfigMap."""
        return worker_template.to_json(
            worker_template.WorkerTemplate(
                namespace=self.namespace,
                code_location="contract",
                image=self.image,
                image_pull_policy="IfNotPresent",
                args=(),
                config_map="step-double",
                shape={
                    "metadata": {},
                    "pod": {},
                    "container": {
                        "env": [{"name": "PYTHONPATH", "value": code_volumes.CODE_DIRECTORY}]
                    },
                },
            )
        )


@pytest.fixture(scope="module")
def runtime_image(cluster: testbed.Cluster) -> str:
    """Return an image with Python that pods may use."""
    return cluster.build_image("runtime")


@pytest.fixture
async def executor_harness(cluster: testbed.Cluster, runtime_image: str) -> AsyncIterator[Harness]:
    """Return a running executor of a namespace of its own."""
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            Client(await connection.connect(cluster.kubeconfig))
        )
        namespace = await stack.enter_async_context(
            namespaces.fresh_namespace(client, "executor-contract")
        )
        double = {"opweave.py": suite.STEP_DOUBLE.read_text()}
        await client.create(
            CONFIG_MAPS, namespace, {"metadata": {"name": "step-double"}, "data": double}
        )
        executor = KubernetesExecutor(
            client, api_url="http://203.0.113.1", clock=SystemClock(), namespaces=[namespace]
        )
        running = asyncio.create_task(executor.run())
        try:
            await executor.wait_synced()
            yield Harness(executor, namespace, runtime_image)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class TestKubernetesExecutor(suite.ExecutorContract):
    """Every case of the contract."""
