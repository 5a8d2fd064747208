"""Declared jobs whose run config is checked before anybody launches them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opweave_operator import ports
from opweave_operator.usecases.check_declared import DeclaredJobChecker
from support.api_world import World

JOB = ports.JobRecord(namespace="local", name="nightly", location="shop", job="hello")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"run_config": {"ops": {"nobody": {}}}},
            "does not fit job hello of shop:\n    ops.nobody",
        ),
        ({"job": "helo"}, "did you mean 'hello'?"),
        ({"location": "shpo"}, "code location 'shpo', which does not exist"),
    ],
)
async def test_what_could_not_be_launched_is_told_once_and_so_is_its_cure(
    shop_world: World, changes: dict[str, object], told: str
) -> None:
    """Each sentence names the job; the same one is not repeated, and a job that was always fine is not mentioned."""
    notices: list[str] = []
    catalog = shop_world.stores.catalog
    checker = DeclaredJobChecker(
        catalog=catalog,
        code_locations=shop_world.dependencies.code_locations,
        on_notice=notices.append,
    )
    await catalog.put_job(replace(JOB, name="fine"))
    await catalog.put_job(replace(JOB, **changes))  # type: ignore[arg-type]  # real fields

    await checker.check()
    await checker.check()

    [notice] = notices
    assert notice.startswith("Job nightly: ")
    assert told in notice
    await catalog.put_job(JOB)
    await checker.check()
    assert ["Job nightly: it can be launched now"] == notices[1:]
