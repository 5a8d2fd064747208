"""How pods and Jobs of runs end on a real cluster, and what the executor makes of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import testbed
from contract.executor import suite
from integration.kubernetes import live_handlers, namespaces
from opweave.wire import message
from opweave.wire import plan as wire_plan
from opweave_operator import bootstrap, ports
from opweave_operator.adapters.kubernetes import (
    connection,
    errors,
    names,
    run_endings,
    worker_template,
)
from opweave_operator.adapters.kubernetes.client import Client, JsonObject
from opweave_operator.adapters.kubernetes.executor import KubernetesExecutor
from opweave_operator.adapters.kubernetes.manifests import code_volumes
from opweave_operator.adapters.kubernetes.resources import (
    BATCH_JOBS,
    CONFIG_MAPS,
    JOBS,
    K8S_EVENTS,
    PODS,
    Resource,
)
from opweave_operator.adapters.kubernetes.token_review import TokenReviewer
from opweave_operator.clock import SystemClock
from opweave_operator.core import model
from opweave_operator.core.model import RunStatus, StepStatus, WorkerPhase
from opweave_operator.usecases.advance_run import RunAdvancer

pytestmark = pytest.mark.cluster

QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
DOUBLE = suite.STEP_DOUBLE.read_text()
EATS_MEMORY = "data = []\nwhile True:\n    data.append(bytearray(10_000_000))\n"


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace with an executor at work."""

    client: Client
    executor: KubernetesExecutor
    watcher: suite.Watcher
    namespace: str
    image: str

    def run(self, *keys: str, pod: dict[str, Any] | None = None) -> model.Run:
        """Return a run whose steps ask for *pod*."""
        plain = suite.new_run(self, *keys)
        steps = tuple(wire_plan.PlannedStep(key=key, op=key, pod=pod or {}) for key in keys)
        return replace(plain, plan=message.replace(plain.plan, steps=steps))

    def location(self) -> model.LocationRef:
        """Return a location of the namespace."""
        return model.LocationRef(namespace=self.namespace, name="shop")

    def worker_template(self, config_map: str = "double") -> dict[str, object]:
        """Return a template whose pods run the double."""
        path = {"name": "PYTHONPATH", "value": code_volumes.CODE_DIRECTORY}
        return worker_template.to_json(
            worker_template.WorkerTemplate(
                namespace=self.namespace,
                code_location="shop",
                image=self.image,
                image_pull_policy="IfNotPresent",
                args=(),
                config_map=config_map,
                shape={"metadata": {}, "pod": {}, "container": {"env": [path]}},
            )
        )

    async def job(self, run: model.Run) -> JsonObject:
        """Return the run's Job."""
        return await self.client.get(BATCH_JOBS, self.namespace, names.run_object_name(run))


@pytest.fixture(scope="module")
def runtime_image(cluster: testbed.Cluster) -> str:
    """Return an image with Python that pods may use."""
    return cluster.build_image("runtime")


@pytest.fixture
async def site(cluster: testbed.Cluster, runtime_image: str) -> AsyncIterator[Site]:
    """Return a site of its own."""
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            Client(await connection.connect(cluster.kubeconfig))
        )
        namespace = await stack.enter_async_context(namespaces.fresh_namespace(client, "pods"))
        for name, text in (("double", DOUBLE), ("hungry", EATS_MEMORY)):
            config_map = {"metadata": {"name": name}, "data": {"opweave.py": text}}
            await client.create(CONFIG_MAPS, namespace, config_map)
        executor = KubernetesExecutor(
            client, api_url="http://203.0.113.1", clock=SystemClock(), namespaces=[namespace]
        )
        running = asyncio.create_task(executor.run())
        stack.push_async_callback(asyncio.gather, running, return_exceptions=True)
        stack.callback(running.cancel)
        watcher = await stack.enter_async_context(suite.Watcher(executor).following())
        yield Site(client, executor, watcher, namespace, runtime_image)


def in_state(run: model.Run, status: RunStatus, steps: StepStatus, **fields: Any) -> model.RunState:
    """Return the state of *run*, all its steps alike."""
    return model.RunState(
        run=replace(run, status=status, **fields),
        steps={
            model.StepKey(planned.key): model.Step(
                key=model.StepKey(planned.key), index=index, status=steps
            )
            for index, planned in enumerate(run.plan.steps)
        },
    )


async def waiting(site: Site, run: model.Run, reason: str) -> model.Worker:
    return await site.watcher.until(run, run.plan.steps[0].key, lambda w: w.reason == reason)


async def test_the_job_of_a_run_shows_it_and_goes_after_its_ttl(
    site: Site, cluster: testbed.Cluster
) -> None:
    """Kubectl wait succeeds on it, its owner's TTL removes it and its pods."""
    run = site.run("succeeds", "exits_0")
    for key in ("succeeds", "exits_0"):
        await suite.start(site.executor, run, key)
    policy = model.EnginePolicy(finished_run_ttl_seconds=1)
    await site.executor.publish(in_state(run, RunStatus.STARTED, StepStatus.RUNNING), policy)
    shown = (await site.job(run))["status"]
    assert (shown["active"], shown["ready"]) == (2, 2)
    for key in ("succeeds", "exits_0"):
        await site.watcher.ended(run, key)
        await site.executor.release(run, model.StepKey(key), 1)
    done = in_state(run, RunStatus.SUCCESS, StepStatus.SUCCESS, ended_at=datetime.now(UTC))
    await site.executor.publish(done, policy)
    body = await site.job(run)
    assert body["status"]["completedIndexes"] == "0-1"
    assert body["status"]["succeeded"] == 2
    assert body["spec"]["ttlSecondsAfterFinished"] == 1
    wait = await asyncio.create_subprocess_exec(
        *(cluster.kubectl, "--kubeconfig", cluster.kubeconfig, "-n", site.namespace),
        *("wait", "--for=delete", f"jobs.batch/{names.run_object_name(run)}", "--timeout=60s"),
    )
    assert await wait.wait() == 0
    await site.watcher.until(run, "succeeds", lambda w: w.phase is WorkerPhase.ABSENT)


async def test_a_failed_run_shows_its_failed_step(site: Site) -> None:
    run = site.run("succeeds", "exits_3")
    await suite.start(site.executor, run, "exits_3")
    failed = in_state(
        run, RunStatus.FAILURE, StepStatus.FAILURE, reason="StepFailed", message="failed: exits_3"
    )
    await site.executor.publish(failed, model.EnginePolicy())
    status = (await site.job(run))["status"]
    kinds = {c["type"]: (c["status"], c["message"]) for c in status["conditions"]}
    assert kinds["Failed"] == ("True", "failed: exits_3")
    assert status["failedIndexes"] == "0-1"


async def test_kubectl_finds_the_pods_of_a_job_by_its_name(
    site: Site, cluster: testbed.Cluster
) -> None:
    """They carry what the built-in Job controller writes; it leaves them alone, because the Job is not its own."""
    run = site.run("waits")
    await suite.start(site.executor, run, "waits")
    await site.watcher.running(run, "waits")
    name = names.run_object_name(run)
    kubectl = (cluster.kubectl, "--kubeconfig", cluster.kubeconfig, "-n", site.namespace)
    logs = await asyncio.create_subprocess_exec(*kubectl, "logs", f"job/{name}")
    assert await logs.wait() == 0
    for key in ("job-name", "batch.kubernetes.io/job-name"):
        (pod,) = await site.client.list_all(PODS, site.namespace, label_selector=f"{key}={name}")
    assert pod["metadata"].get("deletionTimestamp") is None
    job = await site.job(run)
    assert pod["metadata"]["labels"]["controller-uid"] == job["metadata"]["uid"]
    assert not (job.get("status") or {}).get("conditions")


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (RunStatus.SUCCESS, "RunSucceeded", "Normal"),
        (RunStatus.FAILURE, "RunFailed", "Warning"),
        (RunStatus.CANCELED, "RunCanceled", "Warning"),
    ],
)
async def test_the_end_of_a_run_is_told_once_as_events(
    site: Site, cluster: testbed.Cluster, status: RunStatus, reason: str, kind: str
) -> None:
    """On both Jobs, however often it is published, by a controller that has just started as well."""
    await asyncio.to_thread(live_handlers.install_crds, cluster)
    body = {"apiVersion": JOBS.api_version, "kind": JOBS.kind, "metadata": {"name": "hello"}}
    declared = await site.client.create(
        JOBS, site.namespace, {**body, "spec": {"codeLocation": "shop", "job": "hello"}}
    )
    run = replace(site.run("succeeds"), job_resource="hello")
    await suite.start(site.executor, run, "succeeds")
    ended = in_state(
        run, status, StepStatus.SUCCESS, message="so it was", ended_at=datetime.now(UTC)
    )
    restarted = KubernetesExecutor(
        site.client, api_url="", clock=SystemClock(), namespaces=[site.namespace]
    )
    for executor in (site.executor, site.executor, restarted):
        await executor.publish(ended, model.EnginePolicy())
    told = await site.client.list_all(K8S_EVENTS, site.namespace)
    about = {
        (event["involvedObject"]["uid"], event["reason"], event["type"], event["message"])
        for event in told
        if event["reason"].startswith("Run")
    }
    batch_job = await site.job(run)
    assert about == {
        (owner["metadata"]["uid"], reason, kind, run_endings.message_of(ended.run))
        for owner in (declared, batch_job)
    }
    assert len([event for event in told if event["reason"].startswith("Run")]) == 2


async def test_a_step_killed_for_memory_is_infrastructure(site: Site) -> None:
    pod = {"container_config": {"resources": {"limits": {"memory": "32Mi"}}}}
    run = replace(site.run("hungry", pod=pod), worker_template=site.worker_template("hungry"))
    await suite.start(site.executor, run, "hungry")
    worker = await site.watcher.ended(run, "hungry")
    assert (worker.reason, worker.is_infrastructure) == ("OOMKilled", True)
    assert "resources.limits.memory" in worker.message


async def test_a_pod_that_somebody_deletes_is_told_from_one_that_fails(site: Site) -> None:
    run = site.run("waits")
    await suite.start(site.executor, run, "waits")
    worker = await site.watcher.running(run, "waits")
    await site.client.delete(PODS, site.namespace, str(worker.name), grace_seconds=5)
    worker = await site.watcher.ended(run, "waits")
    assert (worker.reason, worker.is_infrastructure) == ("Deleted", True)
    await site.executor.release(run, model.StepKey("waits"), 1)
    await site.watcher.until(run, "waits", lambda w: w.phase is WorkerPhase.ABSENT)


async def test_an_image_that_cannot_be_pulled_is_named_while_it_waits(site: Site) -> None:
    pod = {"container_config": {"image": "registry.invalid/none:1", "imagePullPolicy": "Never"}}
    run = site.run("succeeds", pod=pod)
    await suite.start(site.executor, run, "succeeds")
    worker = await waiting(site, run, "ImagePullFailed")
    assert "registry.invalid/none:1" in worker.message


async def test_a_missing_secret_is_named_while_it_waits(site: Site) -> None:
    pod = {"container_config": {"envFrom": [{"secretRef": {"name": "warehouse"}}]}}
    run = site.run("succeeds", pod=pod)
    await suite.start(site.executor, run, "succeeds")
    worker = await waiting(site, run, "ConfigMissing")
    assert "warehouse" in worker.message


async def test_a_missing_volume_is_named_while_it_waits(site: Site) -> None:
    pod = {
        "pod_spec_config": {"volumes": [{"name": "data", "configMap": {"name": "nowhere"}}]},
        "container_config": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    }
    run = site.run("succeeds", pod=pod)
    await suite.start(site.executor, run, "succeeds")
    worker = await waiting(site, run, "VolumeNotMounted")
    assert "nowhere" in worker.message


async def test_a_pod_that_fits_nowhere_is_told_in_the_scheduler_s_words(site: Site) -> None:
    pod = {"container_config": {"resources": {"requests": {"memory": "64Ti"}}}}
    run = site.run("succeeds", pod=pod)
    await suite.start(site.executor, run, "succeeds")
    worker = await waiting(site, run, "Unschedulable")
    assert "Insufficient memory" in worker.message
    await site.executor.stop(run, model.StepKey("succeeds"), 1, 0)
    worker = await site.watcher.ended(run, "succeeds")
    assert worker.is_infrastructure


async def test_a_quota_is_a_reason_to_wait(site: Site) -> None:
    await site.client.create(
        QUOTAS, site.namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    )
    with pytest.raises(ports.StartRefused, match="exceeded quota") as refusal:
        await suite.start(site.executor, site.run("succeeds"), "succeeds")
    assert refusal.value.reason == "QuotaExceeded"
    assert not refusal.value.is_permanent


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        ({"container_config": {"resources": {"limits": {"cpu": "many"}}}}, "Invalid"),
        ({"container_config": {"command": ["sh"]}}, "Invalid"),
        ({"container_config": {"securityContext": {"privileged": True}}}, "Invalid"),
        ({"pod_spec_config": {"securityContext": {"runAsNonRoot": False}}}, "PodSecurityViolation"),
    ],
)
async def test_a_pod_that_can_never_be_is_refused_for_good(
    site: Site, pod: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ports.StartRefused) as refusal:
        await suite.start(site.executor, site.run("succeeds", pod=pod), "succeeds")
    assert (refusal.value.reason, refusal.value.is_permanent) == (reason, True)


async def test_a_job_that_somebody_deletes_is_noticed(site: Site) -> None:
    """By the executor that saw it, and by one that starts afterwards and knows from the run that it existed."""
    run = site.run("waits")
    await suite.start(site.executor, run, "waits")
    await site.watcher.running(run, "waits")
    await site.client.delete(BATCH_JOBS, site.namespace, names.run_object_name(run))
    worker = await site.watcher.ended(run, "waits")
    assert worker.is_infrastructure
    assert (await site.executor.observe(run, [])).is_object_gone
    other = KubernetesExecutor(
        site.client, api_url="http://203.0.113.1", clock=SystemClock(), namespaces=[site.namespace]
    )
    running = asyncio.create_task(other.run())
    seen = await other.observe(replace(run, object_name=names.run_object_name(run)), [])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert seen.is_object_gone


async def test_a_pod_of_an_unknown_run_goes_when_it_is_deleted(site: Site, tmp_path: Path) -> None:
    """An operator that comes later, with a database of its own, keeps no namespace from being deleted."""
    run = site.run("waits")
    await suite.start(site.executor, run, "waits")
    worker = await site.watcher.running(run, "waits")
    async with bootstrap.open_storage(f"sqlite:///{tmp_path}/db", tmp_path) as stores:

        async def policy() -> model.EnginePolicy:
            return model.EnginePolicy()

        advancer = RunAdvancer(
            runs=stores.runs, executor=site.executor, clock=SystemClock(), policy=policy
        )
        assert await advancer.advance(run.id) is None
        held = await site.client.get(PODS, site.namespace, str(worker.name))
        assert held["metadata"]["finalizers"] == [names.OUTCOME_FINALIZER]
        await site.client.delete(PODS, site.namespace, str(worker.name), grace_seconds=0)
        await site.watcher.until(run, "waits", lambda w: w.is_stopping)
        assert await advancer.advance(run.id) is None
    await site.watcher.until(run, "waits", lambda w: w.phase is WorkerPhase.ABSENT)


async def test_an_executor_that_starts_later_finds_the_pods(site: Site) -> None:
    run = site.run("waits")
    await suite.start(site.executor, run, "waits")
    before = await site.watcher.running(run, "waits")
    other = KubernetesExecutor(
        site.client, api_url="http://203.0.113.1", clock=SystemClock(), namespaces=[site.namespace]
    )
    running = asyncio.create_task(other.run())
    await suite.start(other, run, "waits")
    name = (model.StepKey("waits"), 1)
    after = (await other.observe(run, [name])).workers[name]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert after.worker_id == before.worker_id
    assert after.phase is WorkerPhase.RUNNING


async def test_a_step_s_token_names_its_pod_and_serves_nothing_else(site: Site) -> None:
    """The pod's projected token is accepted for our audience, by its pod; the API server itself refuses it."""
    run = site.run("waits")
    await suite.start(site.executor, run, "waits")
    worker = await site.watcher.running(run, "waits")
    token = await bound_token(site, str(worker.name), str(worker.worker_id))
    identity = await TokenReviewer(site.client).review(token)
    assert identity == ports.TokenIdentity(
        namespace=site.namespace, pod_name=str(worker.name), pod_uid=str(worker.worker_id)
    )
    assert await TokenReviewer(site.client, audience="other").review(token) is None
    assert await TokenReviewer(site.client).review("nonsense") is None
    pod = await site.client.get(PODS, site.namespace, str(worker.name))
    assert pod["spec"]["automountServiceAccountToken"] is False
    sources = [v["projected"]["sources"] for v in pod["spec"]["volumes"] if "projected" in v]
    assert [s["serviceAccountToken"]["audience"] for s in sources[0]] == ["opweave"]


async def bound_token(site: Site, pod: str, uid: str) -> str:
    """Return a token like the one that the kubelet projects into *pod*."""
    path = Resource("", "v1", "serviceaccounts", "ServiceAccount").path(
        site.namespace, "default", "token"
    )
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "audiences": [names.TOKEN_AUDIENCE],
            "expirationSeconds": 3600,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid},
        },
    }
    reply = await site.client._request("POST", path, body=request)
    return str(reply["status"]["token"])


async def test_a_missing_object_and_a_missing_kind_are_told_apart(site: Site) -> None:
    with pytest.raises(errors.NotFound):
        await site.client.get(PODS, site.namespace, "nobody")
    with pytest.raises(errors.Unreachable, match="CRDs"):
        await site.client.get(Resource("none.test", "v1", "things", "Thing"), site.namespace, "x")
