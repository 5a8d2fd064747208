"""Resource functions: set-up, teardown, config."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opweave import (
    EventType,
    InitResourceContext,
    JobDefinition,
    OpExecutionContext,
    OpweaveInvalidDefinitionError,
    OpweaveUnknownResourceError,
    ResourceDefinition,
    build_init_resource_context,
    job,
    op,
    resource,
)


@op(required_resource_keys={"db"})
def use(context: OpExecutionContext) -> str:
    return str(context.resources.db)


def job_with(**resources: object) -> JobDefinition:
    @job(resource_defs=resources)
    def daily() -> None:
        use()

    return daily


def test_a_function_gives_the_resource() -> None:
    @resource(config_schema={"name": str})
    def db(context: InitResourceContext) -> str:
        return f"db {context.resource_config['name']}"

    config = {"resources": {"db": {"config": {"name": "x"}}}}
    assert job_with(db=db).execute_in_process(config).output_for_node("use") == "db x"


def test_a_resource_receives_those_that_it_requires() -> None:
    @resource
    def host() -> str:
        return "host"

    @resource(required_resource_keys={"host"})
    def db(context: InitResourceContext) -> str:
        return f"db at {context.resources.host}"

    result = job_with(db=db, host=host).execute_in_process()
    assert result.output_for_node("use") == "db at host"
    told = [
        e.payload["resource"] for e in result.get_events_of_type(EventType.RESOURCE_INIT_SUCCESS)
    ]
    assert told == ["host", "db"]


def test_a_generator_is_torn_down_even_without_finally_when_the_op_fails() -> None:
    told = []

    @resource
    def db() -> Iterator[str]:
        told.append("up")
        yield "db"
        told.append("down")

    @op(required_resource_keys={"db"})
    def fail() -> None:
        raise ValueError

    @job(resource_defs={"db": db})
    def daily() -> None:
        fail()

    daily.execute_in_process(raise_on_error=False)
    assert told == ["up", "down"]


def test_those_set_up_before_a_failing_one_are_torn_down() -> None:
    told = []

    @resource
    def host() -> Iterator[str]:
        yield "host"
        told.append("down")

    @resource(required_resource_keys={"host"})
    def db() -> str:
        raise ConnectionError("refused")

    result = job_with(db=db, host=host).execute_in_process(raise_on_error=False)
    assert (result.success, told) == (False, ["down"])
    failed = result.get_events_of_type(EventType.RESOURCE_INIT_FAILURE)[0]
    assert failed.payload["error"]["message"] == "refused"


def test_an_error_in_teardown_is_told_and_changes_nothing() -> None:
    @resource
    def db() -> Iterator[str]:
        yield "db"
        raise OSError("cannot close")

    result = job_with(db=db).execute_in_process()
    assert result.success
    told = result.get_events_of_type(EventType.ENGINE_EVENT)[0]
    assert told.payload["error"]["message"] == "cannot close"
    logged = result.get_events_of_type(EventType.LOG_MESSAGE)[0]
    assert logged.payload["level"] == "ERROR"
    assert logged.message == "resource db could not be torn down: OSError: cannot close"


def test_one_set_up_serves_a_whole_run_in_this_process() -> None:
    made = []

    @resource
    def db() -> int:
        made.append(1)
        return len(made)

    @job(resource_defs={"db": db})
    def daily() -> None:
        use()
        use()

    daily.execute_in_process()
    assert made == [1]


def test_an_op_sees_only_the_resources_that_it_requires() -> None:
    @op(required_resource_keys={"db"})
    def nosy(context: OpExecutionContext) -> str:
        return str(context.resources.dbs)

    @job(resource_defs={"db": 1})
    def daily() -> None:
        nosy()

    with pytest.raises(
        OpweaveUnknownResourceError, match="'dbs', which it does not require; did you mean db"
    ):
        daily.execute_in_process()


def test_any_object_is_a_resource() -> None:
    assert job_with(db=ResourceDefinition.hardcoded_resource(5)).execute_in_process().success
    assert job_with(db=object()).execute_in_process().success
    assert job_with(db=ResourceDefinition.none_resource()).execute_in_process().success


def test_a_run_may_replace_a_resource() -> None:
    result = job_with(db=1).execute_in_process(resources={"db": 2})
    assert result.output_for_node("use") == "2"


def test_a_resource_function_is_called_directly_with_a_built_context() -> None:
    @resource
    def db(context: InitResourceContext) -> str:
        return f"{context.resource_config} {context.resources.host}"

    assert db(build_init_resource_context(config=5, resources={"host": "h"})) == "5 h"


def test_a_function_of_two_arguments_is_refused() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="takes 2 arguments"):

        @resource
        def db(context: InitResourceContext, other: int) -> int:
            return other
