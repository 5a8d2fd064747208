"""Hooks: called once a step has ended, told in the log, and never the step's failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from opweave import (
    EventType,
    ExecuteInProcessResult,
    HookContext,
    HookDefinition,
    JobDefinition,
    OpweaveInvalidDefinitionError,
    OpweaveInvalidInvocationError,
    RetryPolicy,
    build_hook_context,
    failure_hook,
    graph,
    job,
    op,
    resource,
    success_hook,
)


class Calls(list[tuple[Any, ...]]):
    """What hooks were called with."""

    def on_success(self, name: str = "on_success") -> HookDefinition:
        @success_hook(name=name)
        def hook(context: HookContext) -> None:
            self.append((name, context.step_key, context.op_output_values))

        return hook

    def on_failure(self) -> HookDefinition:
        @failure_hook
        def on_failure(context: HookContext) -> None:
            self.append(("on_failure", context.step_key, context.op_exception))

        return on_failure


@op
def one() -> int:
    return 1


@op
def broken() -> int:
    raise ValueError("no rows")


def run(job_def: JobDefinition) -> ExecuteInProcessResult:
    return job_def.execute_in_process(raise_on_error=False)


def types_of(result: ExecuteInProcessResult, step: str) -> list[EventType]:
    return [e.event_type for e in result.events_for_node(step) if "HOOK" in e.event_type.value]


def test_a_success_hook_of_a_job_is_called_for_every_step_that_succeeds() -> None:
    """With the step's key and what it gave."""
    calls = Calls()

    @job(hooks={calls.on_success()})
    def daily() -> None:
        one()
        one.alias("again")()
        broken()

    result = run(daily)
    assert calls == [("on_success", "one", {"result": 1}), ("on_success", "again", {"result": 1})]
    assert types_of(result, "one") == [EventType.HOOK_COMPLETED]
    assert types_of(result, "broken") == [EventType.HOOK_SKIPPED]


def test_a_failure_hook_is_told_what_the_op_raised() -> None:
    """The error itself, as user code raised it."""
    calls = Calls()

    @job(hooks={calls.on_failure()})
    def daily() -> None:
        broken()

    run(daily)
    ((_, step, error),) = calls
    assert (step, type(error), str(error)) == ("broken", ValueError, "no rows")


def test_a_failure_hook_waits_for_the_last_try() -> None:
    """While a retry is to come the step has not failed."""
    calls = Calls()
    tries = []

    @op(retry_policy=RetryPolicy(max_retries=2))
    def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")

    @job(hooks={calls.on_failure(), calls.on_success()})
    def daily() -> None:
        flaky()

    assert run(daily).success
    assert [name for name, *_ in calls] == ["on_success"]


def test_hooks_belong_to_single_ops_and_to_all_ops_of_a_graph() -> None:
    """Each hook once for a step, however often it is given."""
    calls = Calls()
    of_op, of_graph = calls.on_success("of_op"), calls.on_success("of_graph")

    @graph
    def inner() -> None:
        one.with_hooks({of_op, of_graph})()
        one.alias("plain")()

    @job
    def daily() -> None:
        inner.with_hooks({of_graph})()
        one()

    run(daily)
    assert sorted(call[:2] for call in calls) == [
        ("of_graph", "inner.one"),
        ("of_graph", "inner.plain"),
        ("of_op", "inner.one"),
    ]


def test_a_hook_decorates_a_job() -> None:
    """``@my_hook`` above ``@job`` is the same as ``hooks=``."""
    calls = Calls()

    @calls.on_success()
    @job
    def daily() -> None:
        one()

    run(daily)
    assert len(calls) == 1


def test_an_error_in_a_hook_changes_nothing_but_the_log() -> None:
    """It is told with what the hook raised, and other hooks are called."""
    calls = Calls()

    @success_hook
    def a_bad_one(context: HookContext) -> None:
        raise RuntimeError("chat is down")

    @job(hooks={a_bad_one, calls.on_success()})
    def daily() -> None:
        one()

    result = run(daily)
    assert result.success
    assert len(calls) == 1
    assert types_of(result, "one") == [EventType.HOOK_ERRORED, EventType.HOOK_COMPLETED]
    told = [e.message for e in result.all_events if e.event_type is EventType.HOOK_ERRORED]
    assert "chat is down" in told[0]


def test_the_resources_of_a_hook_are_there_when_it_is_called() -> None:
    """Set up for the step, though its op does not use them, and torn down after the hook."""
    order: list[str] = []

    @resource
    def chat() -> Iterator[str]:
        order.append("open")
        yield "chat"
        order.append("closed")

    @success_hook(required_resource_keys={"chat"})
    def tell(context: HookContext) -> None:
        order.append(context.resources.chat)

    @job(resource_defs={"chat": chat}, hooks={tell})
    def daily() -> None:
        one()

    run(daily)
    assert order == ["open", "chat", "closed"]


def test_a_job_whose_hook_lacks_its_resource_is_refused() -> None:
    """Before anything runs, by the name of the key."""

    @success_hook(required_resource_keys={"chat"})
    def tell(context: HookContext) -> None: ...

    @job(hooks={tell})
    def daily() -> None:
        one()

    with pytest.raises(OpweaveInvalidDefinitionError, match="requires the resource 'chat'"):
        daily.execute_in_process()


def test_a_hook_is_called_directly_with_a_context_that_is_built() -> None:
    """As tests of hooks do."""
    told = []

    @failure_hook(required_resource_keys={"chat"})
    def tell(context: HookContext) -> None:
        told.append((context.resources.chat, context.op.name, str(context.op_exception)))

    with build_hook_context({"chat": "x"}, op=one, op_exception=ValueError("no rows")) as context:
        tell(context)
    assert told == [("x", "one", "no rows")]
    with pytest.raises(OpweaveInvalidInvocationError, match="build_hook_context"):
        tell("no context")


@pytest.mark.parametrize("hooks", [one, ["x"], "x"])
def test_what_is_no_hook_is_refused(hooks: Any) -> None:
    """With what to write."""
    with pytest.raises(OpweaveInvalidDefinitionError, match="hook"):
        one.with_hooks(hooks)
