"""The five kinds on a real API server: code servers that load, fail and are replaced, jobs that launch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import testbed
from integration.kubernetes import live_handlers
from integration.kubernetes.live_handlers import LiveHandlers, condition, is_not_ready, is_ready
from opweave_operator import ports
from opweave_operator.adapters.kubernetes import names
from opweave_operator.adapters.kubernetes.client import JsonObject
from opweave_operator.adapters.kubernetes.manifests import code_location
from opweave_operator.adapters.kubernetes.resources import (
    CODE_LOCATIONS,
    CONFIG_MAPS,
    INSTANCES,
    JOBS,
    K8S_EVENTS,
    SCHEDULES,
    Resource,
)

pytestmark = pytest.mark.cluster

ASSETS = """
from opweave import Definitions, asset

@asset
def orders():
    return 3

@asset(group_name="reporting")
def report(orders):
    return f"{orders} orders"

defs = Definitions(assets=[orders, report])
"""
GOOD = """
from opweave import Config, Definitions, job, op

class Greeting(Config):
    name: str = "world"

@op
def greet(config: Greeting) -> str:
    return f"hello {config.name}"

@job
def hello():
    greet()

defs = Definitions(jobs=[hello])
"""
BROKEN = "import no_such_module\n"


@pytest.fixture(scope="module")
def runtime_image(cluster: testbed.Cluster) -> str:
    """Return the stock image as pods call it."""
    return cluster.build_image("runtime")


@pytest.fixture
async def live(
    cluster: testbed.Cluster, runtime_image: str, tmp_path: Path
) -> AsyncIterator[LiveHandlers]:
    """Return handlers at work."""
    async with live_handlers.live_handlers(cluster, runtime_image, tmp_path) as handlers:
        yield handlers


async def create(live: LiveHandlers, resource: Resource, name: str, spec: dict[str, Any]) -> None:
    body = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    await live.client.create(resource, live.namespace, body)


async def create_location(live: LiveHandlers, text: str, name: str = "shop") -> None:
    config_map = {"metadata": {"name": "code"}, "data": {"definitions.py": text}}
    await live.client.create(CONFIG_MAPS, live.namespace, config_map)
    await create(live, CODE_LOCATIONS, name, {"source": {"configMap": {"name": "code"}}})


async def change_code(live: LiveHandlers, text: str) -> None:
    patch = {"data": {"definitions.py": text}}
    await live.client.patch(CONFIG_MAPS, live.namespace, "code", patch)


async def record(live: LiveHandlers, name: str = "shop") -> ports.LocationRecord:
    ref = ports.model.LocationRef(namespace=live.namespace, name=name)
    found = await live.stores.catalog.get_location(ref)
    assert found is not None
    return found


async def test_a_location_from_a_config_map_becomes_ready(live: LiveHandlers) -> None:
    """Its snapshot is in the catalog, and the Service answers."""
    await create_location(live, GOOD)
    body = await live.until(CODE_LOCATIONS, "shop", is_ready("Loaded"))
    assert body["status"]["jobs"] == 1
    assert condition(body)["message"] == "serves 1 job, 0 assets, 0 schedules, 0 sensors"
    assert body["status"]["servingGeneration"] == body["metadata"]["generation"]
    assert body["metadata"].get("finalizers") is None
    stored = await record(live)
    assert stored.snapshot is not None
    assert [job.name for job in stored.snapshot.jobs] == ["hello"]
    assert (await live.code_locations.health(stored.url)).definitions_hash


async def test_a_broken_version_never_replaces_one_that_serves(live: LiveHandlers) -> None:
    """The condition says what is wrong and that the previous version keeps serving; mending it makes it ready."""
    await create_location(live, GOOD)
    await live.until(CODE_LOCATIONS, "shop", is_ready("Loaded"))
    before = await record(live)
    await change_code(live, BROKEN)
    body = await live.until(CODE_LOCATIONS, "shop", is_not_ready("LoadFailed"))
    message = condition(body)["message"]
    assert "no_such_module" in message
    assert "The previous version" in message
    assert "keeps serving" in message
    assert "no_such_module" in body["status"]["loadError"]["traceback"]
    after = await record(live)
    assert after.worker_template == before.worker_template
    assert after.failure is not None
    assert (await live.code_locations.snapshot(after.url)).jobs
    await change_code(live, GOOD + "\n# mended\n")
    body = await live.until(CODE_LOCATIONS, "shop", is_ready("Loaded"))
    assert "loadError" not in body["status"]
    assert (await record(live)).failure is None


async def test_a_config_map_that_is_missing_is_named(live: LiveHandlers) -> None:
    await create(live, CODE_LOCATIONS, "shop", {"source": {"configMap": {"name": "nowhere"}}})
    body = await live.until(CODE_LOCATIONS, "shop", is_not_ready("ConfigMapMissing"))
    assert "nowhere" in condition(body)["message"]


async def test_an_image_that_cannot_be_pulled_is_named(live: LiveHandlers) -> None:
    source = {"image": "registry.invalid/none:1", "module": "shop", "imagePullPolicy": "Never"}
    await create(live, CODE_LOCATIONS, "shop", {"source": source})
    body = await live.until(CODE_LOCATIONS, "shop", is_not_ready("ImagePullFailed"))
    assert "registry.invalid/none:1" in condition(body)["message"]


async def test_a_deleted_location_is_forgotten(live: LiveHandlers) -> None:
    await create_location(live, GOOD)
    await create(live, JOBS, "hello", {"codeLocation": "shop", "job": "hello"})
    await live.until(JOBS, "hello", is_ready("Valid"))
    await live.client.delete(CODE_LOCATIONS, live.namespace, "shop")
    await live.until(JOBS, "hello", is_not_ready("LocationNotReady"))
    assert await live.stores.catalog.list_locations() == []


async def request_run(live: LiveHandlers, value: str, touched: str = "") -> None:
    annotations = {names.ANNOTATION_RUN_REQUESTED_AT: value, "example.com/touched": touched}
    await live.client.patch(
        JOBS, live.namespace, "hello", {"metadata": {"annotations": annotations}}
    )


def has_handled(value: str, requests: int) -> Callable[[JsonObject], bool]:
    """Return whether *value* is the request of a Job that was handled last, the one of this number."""
    return lambda body: (
        (body["status"].get("lastRunRequestedAt"), body["status"].get("runRequests"))
        == (value, requests)
    )


async def test_each_change_of_the_annotation_launches_exactly_one_run(live: LiveHandlers) -> None:
    """The same value launches none, and one that comes back another."""
    await create_location(live, GOOD)
    await create(live, JOBS, "hello", {"codeLocation": "shop", "job": "hello"})
    await live.until(JOBS, "hello", is_ready("Valid"))
    values = ("first", "first", "second", "first", "second")
    for touched, (value, number) in enumerate(zip(values, (1, 1, 2, 3, 4), strict=True)):
        await request_run(live, value, str(touched))
        await live.until(JOBS, "hello", has_handled(value, number))
    body = await live.until(JOBS, "hello", lambda body: body["status"].get("runs") == {"QUEUED": 4})
    runs = await live.stores.runs.list_runs(ports.RunFilter(job_resource="hello"), limit=10)
    assert body["status"]["lastRun"]["id"] == runs[0].id
    assert runs[0].launched_by == "annotation"
    stored = await live.stores.runs.load(runs[0].id)
    assert stored is not None
    assert stored.run.worker_template["namespace"] == live.namespace


async def test_a_request_whose_status_was_never_written_launches_no_second_run(
    live: LiveHandlers,
) -> None:
    """As after a controller that died between the launch and the status."""
    await create_location(live, GOOD)
    await create(live, JOBS, "hello", {"codeLocation": "shop", "job": "hello"})
    await live.until(JOBS, "hello", is_ready("Valid"))
    await request_run(live, "first")
    await live.until(JOBS, "hello", has_handled("first", 1))
    forgotten = {"status": {"lastRunRequestedAt": None, "runRequests": None}}
    await live.client.patch(JOBS, live.namespace, "hello", forgotten, subresource="status")
    await live.until(JOBS, "hello", has_handled("first", 1))
    assert len(await live.stores.runs.list_runs(ports.RunFilter(), limit=10)) == 1


async def test_a_job_says_that_its_run_retries_do_nothing_yet(live: LiveHandlers) -> None:
    await create_location(live, GOOD)
    spec = {"codeLocation": "shop", "job": "hello", "retries": {"maxRetries": 2}}
    await create(live, JOBS, "hello", spec)
    body = await live.until(JOBS, "hello", is_ready("Valid"))
    assert "spec.retries does nothing yet" in condition(body)["message"]


async def test_a_job_that_the_code_does_not_have_names_the_closest(live: LiveHandlers) -> None:
    await create_location(live, GOOD)
    await create(live, JOBS, "hello", {"codeLocation": "shop", "job": "helo"})
    body = await live.until(JOBS, "hello", is_not_ready("JobNotFound"))
    assert "did you mean 'hello'?" in condition(body)["message"]


async def test_a_job_of_selected_assets_is_checked_and_launched(live: LiveHandlers) -> None:
    """A selection of nothing and a key that nobody has are told; what can be made is launched by the annotation."""
    await create_location(live, ASSETS)
    await create(live, JOBS, "reporting", {"codeLocation": "shop", "assets": "group:nobody"})
    body = await live.until(JOBS, "reporting", is_not_ready("InvalidAssets"))
    assert "selects no asset" in condition(body)["message"]
    await live.client.patch(JOBS, live.namespace, "reporting", {"spec": {"assets": "repart"}})
    body = await live.until(
        JOBS, "reporting", lambda new: "did you mean report?" in condition(new)["message"]
    )
    assert condition(body)["reason"] == "InvalidAssets"
    patch = {
        "metadata": {"annotations": {names.ANNOTATION_RUN_REQUESTED_AT: "now"}},
        "spec": {"assets": "group:reporting"},
    }
    await live.client.patch(JOBS, live.namespace, "reporting", patch)
    body = await live.until(JOBS, "reporting", lambda new: "lastRun" in new.get("status", {}))
    assert body["status"]["graph"]["steps"] == 1
    [run] = await live.stores.runs.list_runs(ports.RunFilter(job_resource="reporting"), limit=9)
    stored = await live.stores.runs.load(run.id)
    assert stored is not None
    assert list(stored.steps) == ["report"]


async def test_every_problem_of_a_run_config_is_shown(live: LiveHandlers) -> None:
    await create_location(live, GOOD)
    config = {"ops": {"greet": {"config": {"nam": "x", "name": 3}}}}
    spec = {"codeLocation": "shop", "job": "hello", "runConfig": config}
    await create(live, JOBS, "hello", spec)
    body = await live.until(JOBS, "hello", is_not_ready("InvalidRunConfig"))
    lines = condition(body)["message"].splitlines()
    assert any(line.startswith("ops.greet.config.nam ") for line in lines)
    assert any(line.startswith("ops.greet.config.name ") for line in lines)


async def test_only_the_named_instance_is_served(live: LiveHandlers) -> None:
    """Its settings are in the catalog as they stand in the object."""
    await create(live, INSTANCES, "default", {"runQueue": {"maxConcurrentRuns": 7}})
    await create(live, INSTANCES, "other", {})
    await live.until(INSTANCES, "default", is_ready("Served"))
    await live.until(INSTANCES, "other", is_not_ready("NotServed"))
    stored = await live.stores.catalog.get_instance()
    assert stored["runQueue"]["maxConcurrentRuns"] == 7


async def test_an_instance_names_the_settings_that_do_nothing_yet(live: LiveHandlers) -> None:
    """They are stored all the same, and the status says where the web is and on what tables."""
    await create(live, INSTANCES, "default", {"pools": [{"name": "db", "slots": 1}]})
    body = await live.until(INSTANCES, "default", is_ready("PartlyInEffect"))
    assert condition(body)["message"].endswith("does not obey yet: pools")
    assert body["status"]["url"] == f"http://opweave-web.{live.namespace}.svc"
    assert (await live.stores.catalog.get_instance())["pools"]


async def test_a_schedule_shows_when_it_ticks_next(live: LiveHandlers) -> None:
    """Once its Job is there; the tick engine knows what it declares."""
    spec = {"job": "hello", "cron": "0 6 * * *", "timeZone": "Asia/Tokyo"}
    await create(live, SCHEDULES, "daily", spec)
    waiting = await live.until(SCHEDULES, "daily", is_not_ready("JobNotFound"))
    assert "Job 'hello'" in condition(waiting)["message"]
    await live.stores.catalog.put_job(
        ports.JobRecord(namespace=live.namespace, name="hello", location="shop", job="hello")
    )
    body = await live.until(SCHEDULES, "daily", is_ready("Valid"))
    assert body["status"]["nextTickAt"].endswith("T21:00:00Z")
    assert (body["status"]["cron"], body["status"]["timeZone"]) == ("0 6 * * *", "Asia/Tokyo")
    [declared] = await live.stores.instigators.declarations()
    assert (declared.namespace, declared.job) == (live.namespace, "hello")


async def test_transitions_are_told_as_events(live: LiveHandlers) -> None:
    await create_location(live, GOOD)
    await live.until(CODE_LOCATIONS, "shop", is_ready("Loaded"))
    told = await live.client.list_all(K8S_EVENTS, live.namespace)
    about = [e for e in told if e["involvedObject"]["kind"] == "CodeLocation"]
    assert "Loaded" in {event["reason"] for event in about}


async def test_discovery_makes_jobs_and_leaves_those_that_people_wrote(live: LiveHandlers) -> None:
    text = GOOD.replace("jobs=[hello]", "jobs=[hello, other]").replace(
        "defs =", "@job\ndef other():\n    greet()\n\ndefs ="
    )
    await create(live, JOBS, "mine", {"codeLocation": "shop", "job": "hello"})
    config_map = {"metadata": {"name": "code"}, "data": {"definitions.py": text}}
    await live.client.create(CONFIG_MAPS, live.namespace, config_map)
    spec = {"source": {"configMap": {"name": "code"}}, "discovery": {"jobs": "Active"}}
    await create(live, CODE_LOCATIONS, "shop", spec)
    await live.until(CODE_LOCATIONS, "shop", is_ready("Loaded"))
    found = await live.client.list_all(JOBS, live.namespace)
    assert {job["metadata"]["name"] for job in found} == {"mine", "other"}


async def test_copies_of_code_go_when_nobody_uses_them(live: LiveHandlers) -> None:
    """The versions that serve and served before stay, and so does that of an unfinished run."""
    await create_location(live, GOOD)
    await create(live, JOBS, "hello", {"codeLocation": "shop", "job": "hello"})
    await live.until(JOBS, "hello", is_ready("Valid"))
    launched = str((await record(live)).worker_template["configMap"])
    patch = {"metadata": {"annotations": {names.ANNOTATION_RUN_REQUESTED_AT: "now"}}}
    await live.client.patch(JOBS, live.namespace, "hello", patch)
    await live.until(JOBS, "hello", lambda body: "lastRun" in body["status"])
    seen = [launched]
    for number in range(3):
        await change_code(live, GOOD + f"\n# {number}\n")
        digest = code_location.code_digest(
            await live.client.get(CONFIG_MAPS, live.namespace, "code")
        )
        seen.append(code_location.code_copy_name("shop", digest))
        await until_recorded(live, seen[-1])
    selector = f"{names.LABEL_COMPONENT}={names.COMPONENT_CODE}"
    copies = await live.client.list_all(CONFIG_MAPS, live.namespace, label_selector=selector)
    assert {copy["metadata"]["name"] for copy in copies} == {seen[0], seen[2], seen[3]}


async def until_recorded(live: LiveHandlers, copy: str) -> None:
    """Wait until the version with the code in *copy* serves and what it replaced is tidied up."""
    while True:
        stored = (await record(live)).worker_template
        if stored.get("configMap") == copy:
            await live.until(CODE_LOCATIONS, "shop", is_ready("Loaded"))
            return
        body = await live.client.get(CODE_LOCATIONS, live.namespace, "shop")
        version = body["metadata"]["resourceVersion"]
        await live.until(
            CODE_LOCATIONS,
            "shop",
            lambda new, old=version: new["metadata"]["resourceVersion"] != old,
        )
