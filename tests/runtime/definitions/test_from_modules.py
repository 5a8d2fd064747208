"""Definitions found in modules and packages, and several of them made one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from opweave import (
    Definitions,
    OpweaveInvalidDefinitionError,
    ScheduleDefinition,
    job,
    load_definitions_from_module,
    load_definitions_from_modules,
    load_definitions_from_package_name,
    op,
    resource,
)

SHOP = """
from opweave import ScheduleDefinition, asset, asset_check, AssetCheckResult, define_asset_job, job, op

@asset
def orders(): return 1

@asset_check(asset=orders)
def any_orders(): return AssetCheckResult(passed=True)

@op(required_resource_keys={"store"})
def work(): ...

@job
def daily(): work()

all_assets = define_asset_job("all_assets")
schedules = [ScheduleDefinition(job=daily, cron_schedule="@daily", name="each_day")]
"""


def module_of(text: str, name: str = "shop") -> ModuleType:
    module = ModuleType(name)
    exec(compile(text, f"/{name}.py", "exec"), vars(module))  # as a user's file
    return module


def names_in(defs: Definitions) -> tuple[list[str], list[str], list[str]]:
    keys = [spec.key.to_user_string() for spec in defs.get_all_asset_specs()]
    return sorted(j.name for j in defs.jobs), keys, [s.name for s in defs.schedules]


def test_everything_that_a_module_defines_is_found() -> None:
    """Jobs of both kinds, assets, checks and schedules, those in lists too; resources are for all."""
    defs = load_definitions_from_module(module_of(SHOP), resources={"store": 1})
    expected = (["__ASSET_JOB", "all_assets", "daily"], ["orders"], ["each_day"])
    assert names_in(defs) == expected
    assert len(defs.get_asset_graph().by_check) == 1


def test_what_two_modules_share_counts_once() -> None:
    """A module that imports a job from another does not define it again."""
    shop = module_of(SHOP)
    other = ModuleType("other")
    vars(other).update(vars(shop))
    assert names_in(
        load_definitions_from_modules([shop, other], resources={"store": 1})
    ) == names_in(load_definitions_from_module(shop, resources={"store": 1}))


def test_a_package_is_searched_to_its_last_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules below it are imported and found."""
    inner = tmp_path / "warehouse_pkg" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").touch()
    (inner / "__init__.py").touch()
    (inner / "shop.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)
    defs = load_definitions_from_package_name("warehouse_pkg", resources={"store": 1})
    assert "daily" in names_in(defs)[0]
    for name in [n for n in sys.modules if n.startswith("warehouse_pkg")]:
        del sys.modules[name]


@op
def work() -> None: ...


@job
def daily() -> None:
    work()


@job
def weekly() -> None:
    work()


@resource
def store() -> str:
    return "store"


def test_merged_definitions_declare_what_all_of_them_do() -> None:
    """What two of them share counts once."""
    one = Definitions(jobs=[daily], resources={"store": store})
    two = Definitions(
        jobs=(j for j in [weekly, daily]),
        schedules=iter([ScheduleDefinition(job=daily, cron_schedule="@daily", name="each_day")]),
        resources={"store": store},
    )
    merged = Definitions.merge(one, two)
    assert [j.name for j in merged.jobs][:2] == ["daily", "weekly"]
    assert [s.name for s in merged.schedules] == ["each_day"]
    assert set(merged.resources) == {"store"}


def test_a_resource_that_means_two_things_cannot_be_merged() -> None:
    """Told by its key."""
    with pytest.raises(OpweaveInvalidDefinitionError, match="resource 'store'"):
        Definitions.merge(Definitions(resources={"store": 1}), Definitions(resources={"store": 2}))
