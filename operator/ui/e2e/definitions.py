"""What the browser tests launch: a config to get wrong, output that never ends by itself, and names that would be scripts."""

import time

from opweave import Config, Definitions, graph, job, op

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


defs = Definitions(jobs=[daily_report, endless, broken])
