"""The time limit of an op: its body is stopped, its clean-up runs, its retry policy applies."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from opweave import (
    EventType,
    OpExecutionContext,
    OpweaveInvalidDefinitionError,
    RetryPolicy,
    job,
    op,
    resource,
)
from opweave.definitions.op import OpDefinition
from opweave.errors import OpweaveOpTimedOutError

LIMIT = {"opweave/max_runtime": "0.05"}
LONG = 30.0


@op(tags=LIMIT)
def sleeps() -> None:
    time.sleep(LONG)


@op(tags=LIMIT)
async def sleeps_in_a_loop() -> None:
    await asyncio.sleep(LONG)


@op(tags=LIMIT)
def swallows() -> None:
    try:
        time.sleep(LONG)
    except Exception:  # noqa: BLE001 - what careless code does
        time.sleep(LONG)


@op(tags=LIMIT)
def computes() -> None:
    while True:
        pass


@op(tags=LIMIT)
def tells(context: OpExecutionContext) -> None:
    while True:
        context.log.info("still here")


@pytest.mark.parametrize("definition", [sleeps, sleeps_in_a_loop, swallows, computes, tells])
def test_a_body_over_its_limit_is_stopped(definition: OpDefinition[..., Any]) -> None:
    """Whatever it does; the failure names op, limit and tag."""

    @job
    def daily() -> None:
        definition()

    began = time.monotonic()
    result = daily.execute_in_process(raise_on_error=False)
    assert time.monotonic() - began < LONG / 2
    failure = result.failures[definition.name]
    assert failure.reason == "OpTimedOut"
    for word in (definition.name, "0.05 s", "opweave/max_runtime"):
        assert word in failure.message
    with pytest.raises(OpweaveOpTimedOutError):
        daily.execute_in_process()


def test_the_retry_policy_applies_and_each_try_has_the_whole_limit() -> None:
    """It counts as the user's failure."""
    tries: list[int] = []

    @op(tags=LIMIT, retry_policy=RetryPolicy(max_retries=2))
    def slow_twice(context: OpExecutionContext) -> int:
        tries.append(context.retry_number)
        if context.retry_number < 2:
            time.sleep(LONG)
        return context.retry_number

    @job
    def daily() -> None:
        slow_twice()

    result = daily.execute_in_process()
    assert result.output_for_node("slow_twice") == 2
    assert tries == [0, 1, 2]
    told = result.get_events_of_type(EventType.STEP_UP_FOR_RETRY)
    assert ["OpweaveOpTimedOutError"] * 2 == [e.payload["error"]["class_name"] for e in told]


def test_clean_up_of_body_and_resources_runs() -> None:
    """Innermost first."""
    done: list[str] = []

    @resource
    def connection() -> Iterator[str]:
        yield "open"
        done.append("resource")

    @op(tags=LIMIT, required_resource_keys={"connection"})
    def holds() -> None:
        try:
            time.sleep(LONG)
        finally:
            done.append("body")

    @job(resource_defs={"connection": connection})
    def daily() -> None:
        holds()

    assert not daily.execute_in_process(raise_on_error=False).success
    assert done == ["body", "resource"]


def test_a_body_within_its_limit_leaves_no_alarm_behind() -> None:
    """The handler that was there is back."""

    @op(tags={"opweave/max_runtime": 60})
    def quick() -> int:
        return 1

    @job
    def daily() -> None:
        quick()

    before, hook = signal.getsignal(signal.SIGALRM), sys.unraisablehook
    assert daily.execute_in_process().success
    assert signal.getsignal(signal.SIGALRM) is before
    assert sys.unraisablehook is hook


def test_an_alarm_of_somebody_else_goes_on() -> None:
    """As that of a test runner."""

    @op(tags=LIMIT)
    def quick() -> int:
        return 1

    @job
    def daily() -> None:
        quick()

    others = signal.setitimer(signal.ITIMER_REAL, 1000)
    assert daily.execute_in_process().success
    left, _ = signal.setitimer(signal.ITIMER_REAL, *others)
    assert 900 < left <= 1000


def test_an_interruption_within_a_finalizer_is_made_again() -> None:
    """The interpreter lets no exception out of one."""

    class Slow:
        def __del__(self) -> None:
            time.sleep(0.1)

    @op(tags=LIMIT)
    def finalizes() -> None:
        Slow()
        while True:
            pass

    @job
    def daily() -> None:
        finalizes()

    began = time.monotonic()
    assert not daily.execute_in_process(raise_on_error=False).success
    assert time.monotonic() - began < LONG / 2


def test_outside_of_the_main_thread_the_body_runs_to_its_end() -> None:
    """Only the main thread can be interrupted."""
    found: list[bool] = []

    @op(tags=LIMIT)
    def short() -> None:
        time.sleep(0.1)

    @job
    def daily() -> None:
        short()

    thread = threading.Thread(target=lambda: found.append(daily.execute_in_process().success))
    thread.start()
    thread.join(10)
    assert found == [True]


@pytest.mark.parametrize("value", ["soon", "0", -1, "inf", "nan"])
def test_a_limit_that_is_none_is_refused(value: Any) -> None:
    """Before the run."""

    @op(tags={"opweave/max_runtime": value})
    def limited() -> None: ...

    @job
    def daily() -> None:
        limited()

    with pytest.raises(OpweaveInvalidDefinitionError, match="number of seconds above 0"):
        daily.execute_in_process()
