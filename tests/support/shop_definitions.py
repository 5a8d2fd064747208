"""The code location of the tests of the API: what a user would write."""

from __future__ import annotations

from opweave import Definitions, Field, graph, job, op


@op(config_schema={"since": Field(str, description="first day to load")})
def extract(context):
    """Load the orders."""
    return [context.op_config["since"]]


@op
def clean(rows):
    """Drop what is broken."""
    return rows


@graph
def tidy(rows):
    """Make it tidy."""
    return clean(rows)


@op
def report(rows):
    """Write the report."""
    return len(rows)


@op
def greet():
    """Say hello."""
    return "hello"


@job(tags={"team": "shop", "kept": "by-the-job"})
def daily_report():
    """Report on the orders of a day."""
    report(tidy(extract()))


@job
def hello():
    """Need nothing."""
    greet()


defs = Definitions(jobs=[daily_report, hello])
