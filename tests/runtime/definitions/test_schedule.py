"""Schedules and sensors as people define and call them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import opweave as ow
from opweave.execution import tick
from opweave.wire.ticks import RequestedRun, ScheduleTickRequest, SensorTickRequest, TickReply

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@ow.op
def work() -> None: ...


@ow.job
def report() -> None:
    work()


class Store(ow.ConfigurableResource):
    place: str


def tick_of(definition: Any, **request: Any) -> TickReply:
    """Evaluate a schedule or sensor as the code server does."""
    if isinstance(definition, ow.ScheduleDefinition):
        definitions = ow.Definitions(schedules=[definition], resources={"store": Store(place="x")})
        asked = ScheduleTickRequest(schedule=definition.name, scheduled_at=NOON.isoformat())
        return tick.evaluate_schedule(definitions, asked)
    definitions = ow.Definitions(sensors=[definition], resources={"store": Store(place="x")})
    return tick.evaluate_sensor(definitions, SensorTickRequest(sensor=definition.name, **request))


def test_a_schedule_of_constants_launches_its_job() -> None:
    made = ow.ScheduleDefinition(
        job=report, cron_schedule="@daily", run_config={"ops": {}}, tags={"a": "b"}
    )
    assert (made.name, made.job_name) == ("report_schedule", "report")
    assert tick_of(made).run_requests == (RequestedRun(run_config={"ops": {}}, tags={"a": "b"}),)


def test_functions_make_the_parts_of_a_run() -> None:
    made = ow.ScheduleDefinition(
        job=report,
        cron_schedule=["0 6 * * *", "0 18 * * *"],
        execution_timezone="Asia/Tokyo",
        run_config_fn=lambda context: {"ops": {"at": context.scheduled_execution_time.isoformat()}},
        tags_fn=lambda context: {"hour": context.scheduled_execution_time.hour},
    )
    [run] = tick_of(made).run_requests
    assert run.run_config == {"ops": {"at": "2026-03-01T21:00:00+09:00"}}
    assert run.tags == {"hour": "21"}


def test_should_execute_skips() -> None:
    made = ow.ScheduleDefinition(
        job=report, cron_schedule="@daily", should_execute=lambda context: False
    )
    assert "should_execute" in tick_of(made).skip_reason


def test_a_decorated_function_yields_runs_with_its_resources() -> None:
    @ow.schedule("@hourly", job=report, tags={"own": "1"})
    def hourly(context: ow.ScheduleEvaluationContext, store: Store) -> Any:
        """Describe it."""
        context.log.info("looked at %s", store.place)
        for key in "ab":
            yield ow.RunRequest(run_key=key, tags={"place": store.place})

    reply = tick_of(hourly)
    assert [run.run_key for run in reply.run_requests] == ["a", "b"]
    assert reply.run_requests[0].tags == {"own": "1", "place": "x"}
    assert [line.message for line in reply.logs] == ["looked at x"]
    assert hourly.description == "Describe it."
    context = ow.build_schedule_context(scheduled_execution_time=NOON)
    assert len(list(hourly(context, store=Store(place="test")))) == 2
    with_resources = ow.build_schedule_context(resources={"store": Store(place="test")})
    assert [run.tags["place"] for run in hourly(with_resources)] == ["test", "test"]


@pytest.mark.parametrize(
    ("given", "runs", "skip"),
    [
        ({"ops": {}}, 1, ""),
        (ow.RunConfig(), 1, ""),
        (ow.SkipReason("closed"), 0, "closed"),
        (None, 0, ""),
        ([], 0, ""),
        ([ow.RunRequest(), ow.RunRequest()], 2, ""),
    ],
)
def test_a_schedule_may_return_what_it_likes(given: Any, runs: int, skip: str) -> None:
    @ow.schedule("@hourly", job=report)
    def hourly() -> Any:
        return given

    reply = tick_of(hourly)
    assert (len(reply.run_requests), reply.skip_reason, reply.failure) == (runs, skip, None)


def test_a_sensor_goes_on_from_its_cursor() -> None:
    @ow.sensor(job=report, minimum_interval_seconds=5)
    def files(context: ow.SensorEvaluationContext) -> Any:
        seen = json.loads(context.cursor or "[]")
        context.update_cursor(json.dumps([*seen, "new"]))
        return ow.RunRequest(run_key=f"file-{len(seen)}")

    reply = tick_of(files, cursor='["a"]')
    assert (reply.cursor, reply.run_requests[0].run_key) == ('["a", "new"]', "file-1")
    context = ow.build_sensor_context()
    files(context)
    assert context.cursor == '["new"]'


def test_a_sensor_returns_a_result() -> None:
    @ow.sensor(jobs=[report], default_status=ow.DefaultSensorStatus.RUNNING)
    def files() -> ow.SensorResult:
        return ow.SensorResult(run_requests=[ow.RunRequest(job_name="report")], cursor="7")

    reply = tick_of(files)
    assert (reply.cursor, [run.job for run in reply.run_requests]) == ("7", ["report"])


def test_what_the_code_raises_is_the_ticks_failure() -> None:
    """With the user's frames only, and what was logged before."""

    @ow.sensor(job=report)
    def files(context: ow.SensorEvaluationContext) -> Any:
        context.log.warning("soon")
        raise ValueError("boom")

    reply = tick_of(files)
    assert reply.failure is not None
    assert reply.failure.message == "ValueError: boom"
    assert "in files" in reply.failure.traceback
    assert "execution/tick.py" not in reply.failure.traceback
    assert [line.level for line in reply.logs] == ["WARNING"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (7, "gave int 7"),
        ([ow.RunRequest(), ow.SkipReason("no")], "RunRequest and SkipReason"),
        ([ow.RunRequest()] * 10_001, "more than 10000"),
    ],
)
def test_a_wrong_answer_is_told_in_words(given: Any, told: str) -> None:
    @ow.sensor(job=report)
    def files() -> Any:
        return given

    failure = tick_of(files).failure
    assert failure is not None
    assert told in failure.message


def test_the_jobs_of_schedules_become_jobs_of_the_location() -> None:
    @ow.schedule("@daily", job_name="repord")
    def daily() -> None: ...

    other = ow.ScheduleDefinition(name="other", job=report, cron_schedule="@daily")
    assert [job.name for job in ow.Definitions(schedules=[other]).jobs] == ["report"]
    with pytest.raises(ow.OpweaveInvalidDefinitionError, match="did you mean report"):
        ow.Definitions(schedules=[daily], jobs=[report])


def test_the_digest_follows_schedules() -> None:
    """Another cron, or another text of the function, is another version of the location."""

    def digest(cron: str) -> str:
        made = ow.ScheduleDefinition(job=report, cron_schedule=cron)
        return ow.Definitions(schedules=[made]).definitions_hash()

    assert digest("@daily") == digest("@daily") != digest("@hourly")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "exactly one of job"),
        ({"job": 7}, "is given int 7 to launch"),
        ({"job": report, "job_name": "report"}, "exactly one of job"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ow.OpweaveInvalidDefinitionError, match=told):
        ow.ScheduleDefinition(name="s", cron_schedule="@daily", **options)


def test_a_missing_resource_is_found_when_it_is_defined() -> None:
    @ow.sensor(job=report, required_resource_keys={"stor"})
    def files() -> None: ...

    with pytest.raises(ow.OpweaveInvalidDefinitionError, match="did you mean store"):
        ow.Definitions(sensors=[files], resources={"store": Store(place="x")})


def test_names_are_used_once() -> None:
    one = ow.ScheduleDefinition(name="same", job=report, cron_schedule="@daily")

    @ow.sensor(job=report, name="same")
    def files() -> None: ...

    with pytest.raises(ow.OpweaveInvalidDefinitionError, match="two schedules or sensors"):
        ow.Definitions(schedules=[one], sensors=[files])


def test_the_time_of_the_tick_must_be_given_in_tests() -> None:
    with pytest.raises(ow.OpweaveInvariantViolationError, match="scheduled_execution_time"):
        _ = ow.build_schedule_context().scheduled_execution_time


def test_a_schedule_may_launch_a_job_of_assets() -> None:
    """By the job itself, which becomes one of the location's, or by its name."""

    @ow.asset
    def orders() -> None: ...

    job = ow.define_asset_job("load", selection=[orders])
    first = ow.ScheduleDefinition(job=job, cron_schedule="@daily")
    second = ow.ScheduleDefinition(name="again", job_name="load", cron_schedule="@daily")
    definitions = ow.Definitions(assets=[orders], schedules=[first, second])
    assert "load" in [job.name for job in definitions.jobs]
    assert (first.name, first.job_name) == ("load_schedule", "load")
