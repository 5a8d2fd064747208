"""Launches, with a real code server that makes the plans."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from opweave.wire import location as wire_location
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.core import ids, model
from opweave_operator.usecases.launch_request import (
    ConfigRefused,
    Launched,
    LaunchRefused,
    LaunchRequest,
    LaunchResult,
    TargetNotFound,
    TargetUnavailable,
)
from opweave_operator.usecases.launch_run import (
    DEDUPE_TAG,
    LARGEST_PRIORITY,
    MAX_RUNTIME_TAG,
    RunLauncher,
)
from support import api_world, builders
from support.api_world import World

HELLO = LaunchRequest(namespace="local", location="shop", job="hello")


def launcher(world: World, **changes: object) -> RunLauncher:
    """Return a launcher over the storage of *world*."""
    parts = {
        "runs": world.stores.runs,
        "catalog": world.stores.catalog,
        "code_locations": world.dependencies.code_locations,
        "clock": world.dependencies.clock,
        **changes,
    }
    return RunLauncher(**parts)  # type: ignore[arg-type]  # the ports by their names


def new_id() -> str:
    """Return a run id of today."""
    return ids.new_run_id(api_world.now(), b"0123456789")


async def declare(world: World, **fields: object) -> None:
    """Declare the job hello."""
    record = ports.JobRecord(namespace="local", name="hello", location="shop", job="hello")
    await world.stores.catalog.put_job(replace(record, **fields))  # type: ignore[arg-type]  # real fields


def run_of(result: LaunchResult) -> model.Run:
    """Return the run of a launch that must succeed."""
    assert isinstance(result, Launched), result
    return result.run


async def test_a_run_pins_what_it_was_launched_with(shop_world: World) -> None:
    """Template, plan and hash are those of the moment; the log begins with RUN_ENQUEUED."""
    run = run_of(await launcher(shop_world).launch(HELLO))
    state = await shop_world.state(run.id)
    events = await shop_world.stores.events.events(run.id)

    location = await shop_world.stores.catalog.get_location(run.location)
    assert location is not None
    assert location.worker_template == state.run.worker_template
    assert state.run.definitions_hash
    assert ["greet"] == list(state.steps)
    assert ["RUN_ENQUEUED"] == [event.type for event in events]


async def test_the_declared_jobs_shape_limits_and_tags_apply(shop_world: World) -> None:
    """The request's own go before the declaration's, which go before the code's."""
    await declare(
        shop_world,
        tags={"a": "declared", "b": "declared"},
        priority=4,
        step_overrides={"resources": {"limits": {"memory": "1Gi"}}},
        timeouts=model.Timeouts(run_seconds=60),
    )
    request = LaunchRequest(job_resource="hello", tags={"a": "requested"})

    run = run_of(await launcher(shop_world).launch(request))

    assert ("requested", "declared", 4, 60) == (
        run.tags["a"],
        run.tags["b"],
        run.priority,
        run.timeouts.run_seconds,
    )
    assert {"resources": {"limits": {"memory": "1Gi"}}} == run.worker_template[model.JOB_STEPS_KEY]
    assert "hello" == run.job_resource


@pytest.mark.parametrize(
    ("declared", "requested", "expected"),
    [
        ({}, "30", 30),
        ({"tags": {MAX_RUNTIME_TAG: "20"}}, None, 20),
        ({"timeouts": model.Timeouts(run_seconds=60)}, "30", 30),
        ({"timeouts": model.Timeouts(run_seconds=60), "tags": {MAX_RUNTIME_TAG: "20"}}, None, 60),
    ],
)
async def test_a_tag_limits_the_time_of_a_run(
    shop_world: World, declared: dict[str, object], requested: str | None, expected: int
) -> None:
    """The request's tag goes before the declared field, and this before a tag that is no part of the request."""
    await declare(shop_world, **declared)
    tags = {MAX_RUNTIME_TAG: requested} if requested else {}

    run = run_of(await launcher(shop_world).launch(LaunchRequest(job_resource="hello", tags=tags)))

    assert expected == run.timeouts.run_seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "ten", "\u0663", "9" * 5000])
async def test_a_time_limit_that_is_no_number_of_seconds_is_refused(
    shop_world: World, text: str
) -> None:
    """Before anything is stored, and short."""
    refused = await launcher(shop_world).launch(replace(HELLO, tags={MAX_RUNTIME_TAG: text[:1000]}))

    assert isinstance(refused, LaunchRefused)
    assert refused.message.startswith("tag opweave/max_runtime must be a whole number of seconds")
    assert len(refused.message) < 200


async def test_a_run_pins_where_its_values_are_kept(shop_world: World) -> None:
    """All steps of a run agree, whatever the instance is told meanwhile."""
    bucket = {"bucket": "values"}
    await shop_world.stores.catalog.put_instance({"artifacts": {"s3": bucket}})
    pinned = run_of(await launcher(shop_world).launch(HELLO))
    await shop_world.stores.catalog.put_instance({"artifacts": {"instanceVolume": {}}})
    plain = run_of(await launcher(shop_world).launch(HELLO))

    assert pinned.worker_template[model.ARTIFACTS_KEY] == {"s3": bucket}
    assert model.ARTIFACTS_KEY not in plain.worker_template


async def test_the_same_run_id_is_one_run(shop_world: World) -> None:
    """Even when both launches happen at once; for another job the id is refused."""
    run_id = new_id()
    launch = launcher(shop_world).launch

    results = await asyncio.gather(*(launch(replace(HELLO, run_id=run_id)) for _ in range(4)))
    other = await launch(replace(HELLO, job="daily_report", run_id=run_id))

    assert {run_id} == {run_of(result).id for result in results}
    assert 1 == sum(isinstance(result, Launched) and result.is_new for result in results)
    assert isinstance(other, LaunchRefused)


async def test_the_same_key_is_one_run_per_namespace(shop_world: World) -> None:
    """Concurrent launches in one process included."""
    launch = launcher(shop_world).launch

    results = await asyncio.gather(*(launch(replace(HELLO, dedupe_key="tick")) for _ in range(4)))
    other = await launch(replace(HELLO, dedupe_key="tock"))

    runs = {run_of(result).id: run_of(result) for result in results}
    (run,) = runs.values()
    assert "tick" == run.tags[DEDUPE_TAG]
    assert run.id != run_of(other).id


async def test_a_retry_after_a_broken_connection_finds_the_first_run(shop_world: World) -> None:
    """The location need not even serve any more."""
    request = replace(HELLO, run_id=new_id())
    first = run_of(await launcher(shop_world).launch(request))
    await shop_world.stores.catalog.delete_location(first.location)

    again = await launcher(shop_world).launch(request)

    assert isinstance(again, Launched)
    assert (first.id, False) == (again.run.id, again.is_new)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"job": "helo"}, TargetNotFound, "did you mean 'hello'?"),
        ({"location": "shpo"}, TargetNotFound, "did you mean 'shop'?"),
        ({"namespace": "elsewhere"}, TargetNotFound, "there is none"),
        ({"run_config": {"ops": {"nobody": {}}}}, ConfigRefused, ""),
        ({"op_selection": ("nobody",)}, (LaunchRefused, ConfigRefused), "nobody"),
        ({"tags": {"": "x"}}, LaunchRefused, "1 to 128"),
        ({"tags": {"x": "y" * 2000}}, LaunchRefused, "more than 1024"),
        ({"tags": {str(n): "" for n in range(65)}}, LaunchRefused, "65 tags"),
        ({"tags": {"opweave/priority": "high"}}, LaunchRefused, "whole number"),
        ({"priority": 1001}, LaunchRefused, "priority: 1001 is not from -1000 to 1000"),
        ({"tags": {"opweave/priority": "-1001"}}, LaunchRefused, "from -1000 to 1000"),
        ({"dedupe_key": ""}, LaunchRefused, "1 to 512"),
        ({"run_id": "../../x"}, LaunchRefused, "is not a run id"),
        ({"run_id": "7zzzzzzzzz0000000000000000"}, LaunchRefused, ""),
        ({"run_id": "01jd7q00000000000000000000"}, LaunchRefused, "today"),
        ({"parent_run_id": "01jd7q00000000000000000000"}, LaunchRefused, "parent run"),
    ],
)
async def test_what_cannot_be_launched_stores_nothing(
    shop_world: World, changes: Mapping[str, object], kind: type, words: str
) -> None:
    """Each refusal is typed and says how to mend it."""
    result = await launcher(shop_world).launch(replace(HELLO, **changes))  # type: ignore[arg-type]  # real fields

    assert isinstance(result, kind), result
    assert words in str(result)
    assert [] == await shop_world.stores.runs.list_runs(ports.RunFilter(), limit=10)


async def test_a_name_in_two_places_must_be_made_precise(shop_world: World) -> None:
    """The message lists the places."""
    record = await shop_world.stores.catalog.get_location(
        model.LocationRef(namespace="local", name="shop")
    )
    assert record is not None
    twin = replace(record, ref=model.LocationRef(namespace="other", name="shop"))
    await shop_world.stores.catalog.put_location(twin)

    result = await launcher(shop_world).launch(LaunchRequest(job="hello"))

    assert isinstance(result, LaunchRefused)
    assert "local/shop, other/shop" in result.message


async def test_a_location_that_loads_does_not_change_the_answer_for_an_unknown_job(
    shop_world: World,
) -> None:
    """What is loaded is searched; the message names what may have the job too."""
    ref = model.LocationRef(namespace="local", name="slow")
    await shop_world.stores.catalog.put_location(ports.LocationRecord(ref=ref))

    result = await launcher(shop_world).launch(LaunchRequest(job="helo"))

    assert isinstance(result, TargetNotFound)
    assert "did you mean 'hello'?; local/slow is still loading" in result.message


async def test_a_child_run_knows_its_parent_and_root(shop_world: World) -> None:
    """The root of a grandchild is the first run."""
    launch = launcher(shop_world).launch
    first = run_of(await launch(HELLO))
    child = run_of(await launch(replace(HELLO, parent_run_id=first.id)))
    grandchild = run_of(await launch(replace(HELLO, parent_run_id=child.id)))

    assert (first.id, first.id) == (child.parent_run_id, child.root_run_id)
    assert (child.id, first.id) == (grandchild.parent_run_id, grandchild.root_run_id)


async def test_a_location_that_has_not_loaded_is_unavailable(world: World) -> None:
    """With the reason of its load failure."""
    ref = model.LocationRef(namespace="local", name="shop")
    failure = wire_location.LoadFailure(reason="ImportFailed", message="no duckdb (defs.py:3)")
    await world.stores.catalog.put_location(ports.LocationRecord(ref=ref, failure=failure))

    result = await launcher(world).launch(HELLO)

    assert isinstance(result, TargetUnavailable)
    assert "no duckdb (defs.py:3)" in result.message


class HostilePlanner:
    """A code server that answers with a plan of its own making: users own their code servers."""

    def __init__(self, plan: wire_plan.RunPlan) -> None:
        self._plan = plan

    async def plan(self, url: str, request: wire_location.PlanRequest) -> wire_location.PlanReply:
        return wire_location.PlanReply(plan=self._plan)


def _step(key: str, *upstream: str) -> wire_plan.PlannedStep:
    sources = tuple(wire_plan.OutputRef(step_key=up) for up in upstream)
    return wire_plan.PlannedStep(
        key=key, op="op", inputs=(wire_plan.StepInput(name="x", sources=sources),)
    )


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((), "nothing would run"),
        ((_step("a"), _step("a")), "two steps 'a'"),
        ((_step("a", "b"), _step("b", "a")), "not a step before it"),
        ((_step("a", "a"),), "not a step before it"),
    ],
)
async def test_an_unsound_plan_is_never_stored(
    shop_world: World, steps: tuple[wire_plan.PlannedStep, ...], words: str
) -> None:
    """A cycle in a stored plan would wait for ever."""
    planner = HostilePlanner(wire_plan.RunPlan(job="hello", steps=steps))

    result = await launcher(shop_world, code_locations=planner).launch(HELLO)

    assert isinstance(result, LaunchRefused)
    assert words in result.message


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((builders.planned("a"), builders.mapped("b", "a")), "mapped over no dynamic output"),
        ((builders.planned("x"), builders.mapped("b", "a")), "depends on 'a'"),
        ((builders.planned("a"), builders.collecting("c", "a", "a")), "collects no dynamic output"),
        (
            (
                builders.dynamic("a"),
                builders.collecting("c", "b[?]", "a"),
                builders.mapped("b", "a", "a", "c"),
            ),
            "wait for each other",
        ),
        (
            (builders.dynamic("a"), builders.collecting("c", "a", "a"), builders.mapped("a", "a")),
            None,
        ),
    ],
)
async def test_templates_that_could_never_become_steps_are_refused(
    shop_world: World, steps: tuple[wire_plan.PlannedStep, ...], words: str | None
) -> None:
    """Whatever a code server claims, a stored run can come to an end."""
    planner = HostilePlanner(builders.run_state(*steps).run.plan)

    result = await launcher(shop_world, code_locations=planner).launch(HELLO)

    if words is None:
        assert isinstance(result, Launched)
    else:
        assert isinstance(result, LaunchRefused)
        assert words in result.message


def test_ids_tell_their_time() -> None:
    """A run id, or its beginning, gives back the moment that it was made."""
    now = api_world.now()
    made = ids.created_at(ids.new_run_id(now, bytes(10)))

    assert abs(made - now) < timedelta(milliseconds=2)


def test_a_launch_may_have_the_priorities_of_a_declared_job() -> None:
    """The bounds of the CRD and those of the API are the same."""
    crd = yaml.safe_load((Path(__file__).parents[3] / "crds" / "jobs.yaml").read_text("utf-8"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    priority = schema["properties"]["spec"]["properties"]["priority"]

    assert (-LARGEST_PRIORITY, LARGEST_PRIORITY) == (priority["minimum"], priority["maximum"])
