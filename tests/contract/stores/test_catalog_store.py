"""What every `ports.CatalogStore` promises."""

from __future__ import annotations

from dataclasses import replace

from databases import OpenStores
from opweave.wire import location as wire_location
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.storage import Stores
from run_builders import LOCATION, NOW

SNAPSHOT = wire_location.LocationSnapshot(
    definitions_hash="9f31c2e",
    jobs=(
        wire_location.JobSnapshot(
            name="daily",
            plan=wire_plan.RunPlan(
                job="daily", steps=(wire_plan.PlannedStep(key="extract", op="extract"),)
            ),
            graph=(
                wire_location.GraphNode(
                    path="outer",
                    definition="outer",
                    children=(wire_location.GraphNode(path="outer.inner", definition="inner"),),
                ),
            ),
            config_schema={"type": "object"},
        ),
    ),
    assets=("orders",),
)
FULL_LOCATION = ports.LocationRecord(
    ref=LOCATION,
    url="http://shop.team.svc:4000",
    image="shop:1",
    worker_template={"image": "shop:1"},
    snapshot=SNAPSHOT,
    failure=wire_location.LoadFailure(reason="ImportFailed", message="\0", traceback="x"),
    loaded_at=NOW,
    updated_at=NOW,
)
FULL_JOB = ports.JobRecord(
    namespace="team",
    name="daily-report",
    location="shop",
    job="daily",
    assets="group:reporting and kind:duckdb",
    run_config={"ops": {"z": 1, "a": 2}},
    tags={"team": "reporting"},
    priority=5,
    max_concurrent_runs=1,
    timeouts=model.Timeouts(start_seconds=600, run_seconds=7200),
    max_retries=2,
    step_overrides={"resources": {"limits": {"memory": "1Gi"}}},
)


async def test_a_location_is_stored_whole(stores: Stores, open_more_stores: OpenStores) -> None:
    await stores.catalog.put_location(FULL_LOCATION)
    assert await open_more_stores().catalog.get_location(LOCATION) == FULL_LOCATION


async def test_a_newer_record_replaces_the_older(stores: Stores) -> None:
    """Also where the newer one knows less."""
    await stores.catalog.put_location(FULL_LOCATION)
    bare = ports.LocationRecord(ref=LOCATION)
    await stores.catalog.put_location(bare)
    assert await stores.catalog.list_locations() == [bare]
    await stores.catalog.put_job(FULL_JOB)
    bare_job = ports.JobRecord(namespace="team", name="daily-report", location="b", job="c")
    await stores.catalog.put_job(bare_job)
    assert await stores.catalog.list_jobs() == [bare_job]


async def test_lists_are_ordered_by_namespace_and_name(stores: Stores) -> None:
    names = [("b", "a"), ("a", "b"), ("a", "a")]
    for namespace, name in names:
        ref = model.LocationRef(namespace=namespace, name=name)
        await stores.catalog.put_location(ports.LocationRecord(ref=ref))
        await stores.catalog.put_job(replace(FULL_JOB, namespace=namespace, name=name))
    locations = await stores.catalog.list_locations()
    assert [(r.ref.namespace, r.ref.name) for r in locations] == sorted(names)
    assert [(r.namespace, r.name) for r in await stores.catalog.list_jobs()] == sorted(names)


async def test_a_job_is_stored_whole(stores: Stores) -> None:
    await stores.catalog.put_job(FULL_JOB)
    stored = await stores.catalog.get_job("team", "daily-report")
    assert stored == FULL_JOB
    assert stored is not None
    assert list(stored.run_config["ops"]) == ["z", "a"]


async def test_deleting_forgets_and_may_be_repeated(stores: Stores) -> None:
    await stores.catalog.put_location(FULL_LOCATION)
    await stores.catalog.put_job(FULL_JOB)
    for _ in range(2):
        await stores.catalog.delete_location(LOCATION)
        await stores.catalog.delete_job("team", "daily-report")
    assert await stores.catalog.get_location(LOCATION) is None
    assert await stores.catalog.get_job("team", "daily-report") is None


async def test_the_instance_is_empty_until_it_is_stored(stores: Stores) -> None:
    assert await stores.catalog.get_instance() == {}
    await stores.catalog.put_instance({"paused": ["Launches"], "runQueue": {"x": 1}})
    await stores.catalog.put_instance({"paused": []})
    assert await stores.catalog.get_instance() == {"paused": []}
