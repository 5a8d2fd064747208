"""Definitions for the tests of the command line."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from opweave import (
    Definitions,
    Field,
    IOManager,
    Out,
    RetryRequested,
    io_manager,
    job,
    op,
    resource,
)


@op
def extract(context):
    context.log.info("extracting four rows")
    print("printed by extract")  # noqa: T201  # what a step prints is shown
    return [1, 2, 3, 4]


@op(config_schema={"max_rows": Field(int, default_value=3, description="rows to keep")})
def clean(context, rows):
    return rows[: context.op_config["max_rows"]]


@op
def total(rows):
    print("summing up", file=sys.stderr)  # noqa: T201  # the same
    return sum(rows)


@op
def broken(rows):
    return 1 / (len(rows) - 4)


@op(config_schema={"until": str})
def wait_for(context):
    """Wait until a file exists: tests decide when a run goes on."""
    while not Path(context.op_config["until"]).exists():
        time.sleep(0.02)
    return []


@resource
def leaky(context):
    """Fail when it is torn down."""
    yield "usable"
    raise OSError("the connection was gone already")


@op(required_resource_keys={"leaky"})
def second_try(context):
    """Succeed when it is tried again."""
    context.log.warning("first line\nsecond line")
    if context.retry_number == 0:
        raise RetryRequested(max_retries=1)
    return []


@op
def dies_once(context):
    """Lose its process in the first attempt."""
    marker = Path(tempfile.gettempdir(), f"opweave-test-{context.run_id}")
    number = 2 if marker.exists() else 1
    print(f"printed by attempt {number}", flush=True)  # noqa: T201  # the same
    if number == 1:
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    marker.unlink()


@job
def loses_a_process():
    """Be tried again by the operator."""
    dies_once()


@job(resource_defs={"leaky": leaky})
def noisy():
    """Succeed with something to tell."""
    second_try()


@job
def daily_report():
    """Make the report."""
    total(clean(extract()))


class _Bucket(IOManager):
    def handle_output(self, context, obj):
        context.add_output_metadata({"uri": f"s3://kept/{context.name}", "rows": obj})

    def load_input(self, context):
        raise NotImplementedError


@io_manager
def bucket():
    return _Bucket()


@op(out=Out(io_manager_key="bucket"))
def keep():
    return 3


@job(resource_defs={"bucket": bucket})
def keeps_elsewhere():
    """Store its output where the instance does not keep them."""
    keep()


@job
def failing():
    """Fail in the middle."""
    total(broken(extract()))


@job
def slow():
    """Wait for a file."""
    total(wait_for())


defs = Definitions(jobs=[daily_report, failing, keeps_elsewhere, loses_a_process, noisy, slow])
