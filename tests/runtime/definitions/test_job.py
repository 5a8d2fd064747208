"""Jobs: resources, tags and config that they run with."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import (
    Config,
    Definitions,
    OpweaveInvalidDefinitionError,
    OpweaveInvariantViolationError,
    Out,
    RunConfig,
    graph,
    job,
    op,
    resource,
)


@op(required_resource_keys={"warehouse"})
def load(context) -> int:  # type: ignore[no-untyped-def]
    return int(context.resources.warehouse)


@job
def daily() -> None:
    load()


def test_resources_of_definitions_apply_to_all_jobs() -> None:
    made = Definitions(jobs=[daily], resources={"warehouse": 5}).get_job_def("daily")
    assert made.execute_in_process().output_for_node("load") == 5


def test_a_jobs_own_resource_wins_over_that_of_definitions() -> None:
    @job(resource_defs={"warehouse": 7})
    def own() -> None:
        load()

    made = Definitions(jobs=[own], resources={"warehouse": 5}).get_job_def("own")
    assert made.execute_in_process().output_for_node("load") == 7


def test_a_missing_resource_is_found_when_definitions_are_made() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError) as caught:
        Definitions(jobs=[daily], resources={"warehous": 5})
    text = str(caught.value)
    assert "'load' in job 'daily'" in text
    assert "did you mean warehous?" in text


def test_a_missing_io_manager_is_found_when_definitions_are_made() -> None:
    @op(out=Out(io_manager_key="lake"))
    def write() -> int:
        return 1

    @job
    def weekly() -> None:
        write()

    with pytest.raises(OpweaveInvalidDefinitionError, match="requires the resource 'lake'"):
        Definitions(jobs=[weekly])


def test_resources_that_need_each_other_are_refused() -> None:
    @resource(required_resource_keys={"b"})
    def a() -> int:
        return 1

    @resource(required_resource_keys={"warehouse"})
    def b() -> int:
        return 1

    with pytest.raises(OpweaveInvalidDefinitionError, match="warehouse -> b -> warehouse"):
        Definitions(jobs=[daily], resources={"warehouse": a, "b": b})


def test_two_jobs_of_one_name_are_refused_with_both_places() -> None:
    with pytest.raises(
        OpweaveInvalidDefinitionError, match=r"two jobs called 'daily' .*py:\d+ and .*py:\d+"
    ):
        Definitions(jobs=[daily, daily], resources={"warehouse": 1})


@pytest.mark.parametrize("name", ["schedules", "sensors"])
def test_what_is_no_schedule_or_sensor_is_refused(name: str) -> None:
    given: dict[str, Any] = {name: [object()]}
    with pytest.raises(OpweaveInvalidDefinitionError, match=f"among its {name}: put @"):
        Definitions(**given)


def test_empty_collections_of_what_is_not_supported_yet_are_fine() -> None:
    assert Definitions(assets=[], schedules=[], sensors=[]).jobs == ()


def test_something_else_among_the_jobs_is_refused() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="put @job on it"):
        Definitions(jobs=[lambda: None])  # type: ignore[list-item]


def test_a_graph_among_the_jobs_becomes_a_job() -> None:
    @graph
    def part() -> None:
        load()

    made = Definitions(jobs=[part], resources={"warehouse": 3})
    assert made.get_job_def("part").execute_in_process().success


def test_an_unknown_job_suggests_the_closest() -> None:
    with pytest.raises(OpweaveInvariantViolationError, match="did you mean daily"):
        Definitions(jobs=[daily], resources={"warehouse": 1}).get_job_def("dayly")


def test_tags_become_texts() -> None:
    @job(tags={"team": "x", "levels": [1, 2]})
    def tagged() -> None:
        pass

    assert tagged.tags == {"team": "x", "levels": "[1, 2]"}


def test_a_job_has_its_functions_docstring() -> None:
    @job
    def documented() -> None:
        """Does the daily work."""

    assert documented.description == "Does the daily work."


class LoadConfig(Config):
    rows: int = 1


@op
def count(config: LoadConfig) -> int:
    return config.rows


@job(config=RunConfig(ops={"count": LoadConfig(rows=3)}))
def configured() -> None:
    count()


def test_the_jobs_own_config_is_used_when_a_run_has_none() -> None:
    assert configured.execute_in_process().output_for_node("count") == 3


def test_a_runs_config_replaces_the_jobs_own() -> None:
    result = configured.execute_in_process({"ops": {"count": {}}})
    assert result.output_for_node("count") == 1


@pytest.mark.parametrize("option", ["executor_def", "partitions_def", "logger_defs"])
def test_options_that_wait_are_refused_by_name(option: str) -> None:
    options: dict[str, Any] = {option: [object()]}
    with pytest.raises(OpweaveInvalidDefinitionError, match=f"{option} is not supported yet"):

        @job(**options)
        def late() -> None:
            pass


def test_an_op_among_the_jobs_is_told_what_to_write_instead() -> None:
    with pytest.raises(
        OpweaveInvalidDefinitionError, match=r"op 'count' .* under @job that calls"
    ) as told:
        Definitions(jobs=[count])  # type: ignore[list-item]
    assert " at 0x" not in str(told.value)


@pytest.mark.parametrize("policy", [3, {"max_retries": 3}, "twice"])
def test_a_retry_policy_that_is_none_is_refused(policy: Any) -> None:
    """The message says what to give, with the job's place."""
    with pytest.raises(
        OpweaveInvalidDefinitionError, match=r"op_retry_policy=.*give a RetryPolicy"
    ):

        @job(op_retry_policy=policy)
        def nightly() -> None:
            load()
