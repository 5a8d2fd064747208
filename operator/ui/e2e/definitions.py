"""What the browser tests launch: a config to get wrong, output that never ends by itself, and names that would be scripts."""

import time

from opweave import (
    AssetCheckResult,
    Config,
    Definitions,
    MaterializeResult,
    RunRequest,
    ScheduleDefinition,
    SensorResult,
    asset,
    asset_check,
    graph,
    job,
    op,
    sensor,
)

HOSTILE = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>\u202e\x1b[31m"


class Extract(Config):
    """Where to begin."""

    since: str
    max_rows: int = 10


@op
def extract(context, config: Extract) -> int:
    """Read the rows."""
    context.log.info(f"since {config.since}")
    return config.max_rows


@op
def clean(rows: int) -> int:
    """Drop what is broken."""
    return rows


@op
def report(context, rows: int) -> None:
    """Write the report."""
    context.add_output_metadata({"rows": rows, "link": HOSTILE})
    context.log.info(HOSTILE)
    print(HOSTILE)


@graph
def tidy(rows: int) -> int:
    """Two in one."""
    return clean(rows)


@job(tags={"team": HOSTILE[:40]})
def daily_report():
    """Count rows since a day."""
    report(tidy(extract()))


@op
def tick(context):
    """Print until it is ended."""
    for number in range(600):
        print(f"tick {number}", flush=True)
        context.log.info(f"logged {number}")
        time.sleep(0.2)


@job
def endless():
    """Runs until somebody ends it."""
    tick()


@op
def break_down():
    """Fail."""
    raise KeyError(HOSTILE)


@op
def never(value):
    """Is not reached."""


@job
def broken():
    """Fails."""
    never(break_down())


@op
def count():
    """Count."""
    return 1


@job
def counting():
    """What a sensor and a schedule launch."""
    count()


@sensor(job=counting, minimum_interval_seconds=1)
def arrivals(context):
    """Wait at first, then ask for one run."""
    if not context.cursor:
        return SensorResult(skip_reason=f"nothing yet {HOSTILE}", cursor="seen one")
    return SensorResult(run_requests=[RunRequest(run_key="once")])


nightly = ScheduleDefinition(
    name="nightly", job=counting, cron_schedule="0 6 * * 1-5", execution_timezone="Europe/Berlin"
)


@asset(key_prefix="raw", group_name="lake")
def orders() -> MaterializeResult:
    """The orders as they came."""
    return MaterializeResult(metadata={"rows": 3, "note": HOSTILE})


@asset(deps=[orders], group_name="reports", owners=["team:sales"])
def revenue() -> None:
    """What the orders bring."""


@asset_check(asset=orders)
def has_rows():
    """There is at least one."""
    return AssetCheckResult(passed=True)


defs = Definitions(
    assets=[orders, revenue],
    asset_checks=[has_rows],
    jobs=[daily_report, endless, broken, counting],
    schedules=[nightly],
    sensors=[arrivals],
)
