"""Assets that the tests of the command line make."""

from __future__ import annotations

from opweave import (
    AssetCheckResult,
    AssetSpec,
    Config,
    Definitions,
    MaterializeResult,
    asset,
    asset_check,
    define_asset_job,
)


class Many(Config):
    """How many."""

    n: int = 3


@asset(code_version="1", group_name="lake", deps=["feed"])
def numbers(config: Many) -> list[int]:
    """Some numbers."""
    return list(range(config.n))


@asset(code_version="1", group_name="lake", kinds={"python"})
def total(numbers: list[int]) -> MaterializeResult[int]:
    """Their sum."""
    return MaterializeResult(value=sum(numbers), metadata={"sum": sum(numbers)})


@asset(code_version="1")
def report(total: int) -> str:
    """What to tell."""
    return f"total {total}"


@asset_check(asset=total, blocking=True)
def small(total: int) -> AssetCheckResult:
    """It is small."""
    return AssetCheckResult(passed=total < 100, metadata={"total": total})


defs = Definitions(
    assets=[numbers, total, report, AssetSpec("feed", description="from elsewhere")],
    asset_checks=[small],
    jobs=[define_asset_job("all_of_the_lake", "group:lake")],
)
