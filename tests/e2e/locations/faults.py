"""A code location whose jobs go wrong in every way that a run must survive or explain."""

import os
import sys
import threading
import time
from pathlib import Path

from opweave import (
    Definitions,
    DynamicOut,
    DynamicOutput,
    Field,
    In,
    Nothing,
    Out,
    Output,
    RetryPolicy,
    RetryRequested,
    graph,
    job,
    op,
)


def pod(**container):
    """Return the tags of an op whose container is shaped like this."""
    return {"opweave-k8s/config": {"container_config": container}}


@op(config_schema={"seconds": Field(float, default_value=0.0)})
def first(context):
    context.log.info("sleeping %s", context.op_config["seconds"])
    time.sleep(context.op_config["seconds"])
    return 1


@op
def add_one(number: int) -> int:
    return number + 1


@op(ins={"after": In(Nothing)}, config_schema={"seconds": Field(float, default_value=0.0)})
def linger(context):
    time.sleep(context.op_config["seconds"])


@job
def chain():
    add_one.alias("third")(add_one.alias("second")(first()))


@job
def slow():
    linger.alias("last")(linger.alias("middle")(first()))


@op(config_schema={"until": Field(str, default_value="")})
def talk(context):
    print("before", flush=True)
    print("to standard error", file=sys.stderr, flush=True)
    sign = context.op_config["until"]
    while sign and not Path(sign).exists():
        time.sleep(0.05)
    print("after", flush=True)
    return "said"


@job
def talks():
    talk()


@op
def divide(number: int) -> float:
    return number / 0


@op
def independent() -> str:
    print("still here")
    return "done"


@job
def fails():
    add_one.alias("never")(divide(first()))
    independent()


@op(tags=pod(resources={"limits": {"memory": "64Mi"}}))
def hungry():
    hoard = []
    while True:
        hoard.append(bytearray(8 * 1024 * 1024))


@job
def runs_out_of_memory():
    hungry()


@op
def exit_three():
    print("about to leave", flush=True)
    os._exit(3)


@job
def exits():
    exit_three()


@op
def crash():
    os.kill(os.getpid(), 11)


@job
def crashes():
    crash()


@op(tags=pod(image="opweave-test/does-not-exist:1"))
def unpullable():
    return 1


@job
def cannot_pull():
    unpullable()


@op(tags=pod(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "not-there", "key": "a"}}}]))
def secretive():
    return os.environ["A"]


@job
def misses_secret():
    secretive()


@op
def unserialisable():
    return threading.Lock()


@job
def returns_lock():
    unserialisable()


@op
def noisy():
    line = "x" * 99 + "\n"
    for _ in range(100_000):
        sys.stdout.write(line)
    sys.stdout.flush()
    print("the end", file=sys.stderr, flush=True)


@job
def prints_ten_megabytes():
    noisy()


@op(out={"left": Out(is_required=False), "right": Out(is_required=False)})
def choose():
    yield Output(1, "right")


@job
def branches():
    left, right = choose()
    add_one.alias("on_left")(left)
    add_one.alias("on_right")(right)


@op(retry_policy=RetryPolicy(max_retries=2, delay=0.1))
def flaky(context) -> int:
    if context.retry_number < 2:
        raise RetryRequested(max_retries=2, seconds_to_wait=0.1)
    return context.retry_number


@job
def retries():
    add_one(flaky())


@graph
def nested():
    return add_one(first())


@job
def nests():
    add_one.alias("outer")(nested())


def fan(width):
    @op(name="gather")
    def gather(numbers: list) -> int:
        return len(numbers)

    @job(name=f"fan_{width}")
    def fan_job():
        gather([first.alias(f"leaf_{number}")() for number in range(width)])

    return fan_job


@op(out=DynamicOut(int))
def spread():
    for number in range(3):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@op
def gather_members(numbers: list) -> int:
    return sum(numbers)


@job
def spreads():
    gather_members(spread().map(add_one).map(add_one).collect())


@op
def fails_at_first(context, number: int) -> int:
    if number == 1 and "opweave/parent_run_id" not in context.run.tags:
        raise ValueError("not in the first run")
    return number


@job
def recovers():
    gather_members(spread().map(fails_at_first).collect())


defs = Definitions(
    jobs=[
        spreads,
        recovers,
        chain,
        slow,
        talks,
        fails,
        runs_out_of_memory,
        exits,
        crashes,
        cannot_pull,
        misses_secret,
        returns_lock,
        prints_ten_megabytes,
        branches,
        retries,
        nests,
        fan(8),
    ]
)
