"""Declared jobs that select assets in place of a job of the code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opweave_operator import ports
from opweave_operator.core import model, reexecution
from opweave_operator.usecases.check_declared import DeclaredJobChecker
from opweave_operator.usecases.launch_request import (
    Launched,
    LaunchRefused,
    LaunchRequest,
    LaunchResult,
    ReexecutionRequest,
    TargetNotFound,
)
from opweave_operator.usecases.launch_run import RunLauncher
from support.api_world import World

REPORTING = ports.JobRecord(
    namespace="local",
    name="reporting",
    location="shop",
    job=model.ASSET_JOB,
    assets="group:reporting",
)
BY_NAME = LaunchRequest(job_resource="reporting")


def launcher(world: World) -> RunLauncher:
    parts = world.dependencies
    return RunLauncher(
        runs=parts.runs,
        catalog=parts.catalog,
        code_locations=parts.code_locations,
        clock=parts.clock,
    )


def steps_of(result: LaunchResult) -> list[str]:
    assert isinstance(result, Launched), result
    return sorted(step.key for step in result.run.plan.steps)


@pytest.mark.parametrize(
    ("selection", "steps"),
    [
        ("group:reporting", ["report"]),
        ("+report", ["orders", "report"]),
        ("*", ["orders", "report", "stock"]),
    ],
)
async def test_a_run_makes_what_the_declaration_selects(
    asset_world: World, selection: str, steps: list[str]
) -> None:
    """It is a run of the declaration, so that its limits and its history are found by that name."""
    await asset_world.stores.catalog.put_job(replace(REPORTING, assets=selection))

    result = await launcher(asset_world).launch(BY_NAME)

    assert steps == steps_of(result)
    assert isinstance(result, Launched)
    assert ("reporting", model.ASSET_JOB) == (result.run.job_resource, result.run.job)


async def test_the_selection_of_a_request_goes_before_that_of_the_declaration(
    asset_world: World,
) -> None:
    await asset_world.stores.catalog.put_job(REPORTING)

    result = await launcher(asset_world).launch(replace(BY_NAME, asset_selection=("stock",)))

    assert ["stock"] == steps_of(result)


async def test_a_repeated_run_makes_what_the_first_one_made(asset_world: World) -> None:
    """Also when the declaration selects something else by then."""
    catalog = asset_world.stores.catalog
    await catalog.put_job(REPORTING)
    first = await launcher(asset_world).launch(BY_NAME)
    assert isinstance(first, Launched)
    await asset_world.cancel(first.run.id)
    await catalog.put_job(replace(REPORTING, assets="stock"))

    again = await launcher(asset_world).reexecute(
        ReexecutionRequest(parent_run_id=first.run.id, strategy=reexecution.Strategy.ALL_STEPS)
    )

    assert ["report"] == steps_of(again)


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        ("group:nobody", "selects no asset"),
        ("repart", "did you mean report?"),
        ("group:(", "group:("),
    ],
)
async def test_a_selection_that_cannot_be_made_is_refused_and_told(
    asset_world: World, selection: str, told: str
) -> None:
    """Nothing is launched; on a laptop it is told as soon as it is declared, and so is its cure."""
    catalog = asset_world.stores.catalog
    await catalog.put_job(replace(REPORTING, assets=selection))
    notices: list[str] = []
    checker = DeclaredJobChecker(
        catalog=catalog,
        code_locations=asset_world.dependencies.code_locations,
        on_notice=notices.append,
    )

    result = await launcher(asset_world).launch(BY_NAME)
    await checker.check()

    assert isinstance(result, LaunchRefused)
    assert told in result.message
    [notice] = notices
    assert notice.startswith(f"Job reporting: spec.assets {selection!r} cannot be made: ")
    assert told in notice
    await catalog.put_job(REPORTING)
    await checker.check()
    assert ["Job reporting: it can be launched now"] == notices[1:]


async def test_a_location_without_assets_is_told_in_its_own_words(shop_world: World) -> None:
    await shop_world.stores.catalog.put_job(REPORTING)

    result = await launcher(shop_world).launch(BY_NAME)

    assert isinstance(result, TargetNotFound)
    assert "code location local/shop makes no asset" in result.message
