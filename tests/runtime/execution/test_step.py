"""One step at a time, as a step process runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opweave import (
    Definitions,
    EventType,
    Failure,
    In,
    InputContext,
    IOManager,
    JobDefinition,
    OpExecutionContext,
    OpweaveType,
    Out,
    Output,
    OutputContext,
    RetryPolicy,
    RetryRequested,
    StepTerminated,
    job,
    op,
    resource,
)
from opweave.definitions.op import OpDefinition
from opweave.execution.plan import build_plan
from opweave.execution.step import run_attempt
from opweave.testing.clock import FakeClock
from opweave.wire import codec
from opweave.wire.attempt import (
    AttemptSlice,
    ProducedOutput,
    StepFailure,
    StepSuccess,
    StoredOutput,
)


class Recorder:
    """Takes events as the step process does: each must be JSON."""

    def __init__(self) -> None:
        self.events: list[tuple[EventType, str, dict[str, Any]]] = []

    def __call__(self, event_type: EventType, message: str, payload: dict[str, Any]) -> None:
        assert codec.encode(payload) == payload
        self.events.append((event_type, message, payload))

    def of(self, event_type: EventType) -> list[dict[str, Any]]:
        return [payload for kind, _, payload in self.events if kind is event_type]

    @property
    def types(self) -> list[str]:
        return [str(kind) for kind, _, _ in self.events]


class Steps:
    """Runs steps of a job one by one, outputs in files."""

    def __init__(self, made: JobDefinition, directory: Path, run_config: Any = None) -> None:
        self.job = made
        self.directory = directory
        self.plan = build_plan(made, run_config)
        self.recorder = Recorder()
        self.clock = FakeClock()

    def run(self, key: str, **changes: Any) -> StepSuccess | StepFailure:
        step = next((s for s in self.plan.steps if s.key == key), None)
        inputs = {
            given.name: tuple(
                StoredOutput(run_id="r1", step_key=ref.step_key, output_name=ref.output_name)
                for ref in given.sources
            )
            for given in (step.inputs if step else ())
            if given.sources
        }
        values: dict[str, Any] = {
            "run_id": "r1",
            "job": self.job.name,
            "step_key": key,
            "attempt": 1,
            "op_path": key,
            "run_config": self.plan.run_config,
            "inputs": inputs,
            **changes,
        }
        return run_attempt(
            self.job,
            AttemptSlice(**values),
            self.recorder,
            instance_directory=self.directory,
            clock=self.clock,
        )


@pytest.fixture(autouse=True)
def _no_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPWEAVE_API_URL", raising=False)


def single(definition: OpDefinition[..., Any], directory: Path, **options: Any) -> Steps:
    @job(**options)
    def daily() -> None:
        definition()

    return Steps(daily, directory)


@op
def one() -> int:
    return 1


@op
def add(x: int) -> int:
    return x + 1


@op
def total(xs: list[int]) -> int:
    return sum(xs)


@job
def chain() -> None:
    total([add(one()), one.alias("other")()])


def test_steps_hand_values_over_by_files(tmp_path: Path) -> None:
    steps = Steps(chain, tmp_path)
    outcomes = [steps.run(step.key) for step in steps.plan.steps]
    assert all(isinstance(o, StepSuccess) for o in outcomes)
    assert (tmp_path / "storage" / "r1" / "total" / "result").is_file()
    assert steps.recorder.of(EventType.LOADED_INPUT)[-1]["upstream_step_key"] == "other"


def test_a_success_tells_outputs_and_moments(tmp_path: Path) -> None:
    outcome = single(one, tmp_path).run("one")
    assert outcome == StepSuccess(
        outputs=(ProducedOutput(name="result"),),
        user_code_at="2026-01-01T00:00:00+00:00",
        body_ended_at="2026-01-01T00:00:00+00:00",
    )


def test_an_input_may_come_from_another_run(tmp_path: Path) -> None:
    steps = Steps(chain, tmp_path)
    steps.run("one", run_id="parent")
    source = StoredOutput(run_id="parent", step_key="one", output_name="result")
    assert isinstance(steps.run("add", inputs={"x": (source,)}), StepSuccess)
    assert steps.recorder.of(EventType.LOADED_INPUT)[0]["upstream_run_id"] == "parent"


def test_skipped_members_of_a_fan_in_are_left_out(tmp_path: Path) -> None:
    steps = Steps(chain, tmp_path)
    steps.run("other")
    source = StoredOutput(run_id="r1", step_key="other", output_name="result")
    assert isinstance(steps.run("total", inputs={"xs": (source,)}), StepSuccess)


def test_a_policy_tries_again_in_the_same_process_after_exact_delays(tmp_path: Path) -> None:
    tries: list[int] = []

    @op(retry_policy=RetryPolicy(3, delay=2.5))
    def flaky(context: OpExecutionContext) -> int:
        tries.append(context.retry_number)
        if context.retry_number < 2:
            raise ConnectionError("refused")
        return 1

    steps = single(flaky, tmp_path)
    assert isinstance(steps.run("flaky"), StepSuccess)
    assert (tries, steps.clock.waits) == ([0, 1, 2], [2.5, 2.5])
    assert steps.recorder.types[:5] == [
        "STEP_START",
        "STEP_UP_FOR_RETRY",
        "STEP_RESTARTED",
        "STEP_UP_FOR_RETRY",
        "STEP_RESTARTED",
    ]
    told = steps.recorder.of(EventType.STEP_UP_FOR_RETRY)[0]
    assert (told["error"]["class_name"], told["seconds_to_wait"]) == ("ConnectionError", 2.5)


def test_the_last_try_fails_the_step_with_the_first_moment_of_user_code(tmp_path: Path) -> None:
    @op(retry_policy=RetryPolicy(1, delay=10))
    def fail() -> int:
        raise ValueError("oops")

    outcome = single(fail, tmp_path).run("fail")
    assert isinstance(outcome, StepFailure)
    assert (outcome.user_code_at, outcome.body_ended_at) == (
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:10+00:00",
    )


def test_a_retry_may_be_requested_without_a_policy(tmp_path: Path) -> None:
    @op
    def flaky(context: OpExecutionContext) -> int:
        if context.retry_number == 0:
            raise RetryRequested(max_retries=1, seconds_to_wait=4)
        return 1

    steps = single(flaky, tmp_path)
    assert isinstance(steps.run("flaky"), StepSuccess)
    assert steps.clock.waits == [4]


def test_a_failure_may_forbid_retries(tmp_path: Path) -> None:
    @op(retry_policy=RetryPolicy(5))
    def fail() -> int:
        raise Failure("no use", allow_retries=False)

    steps = single(fail, tmp_path)
    assert isinstance(steps.run("fail"), StepFailure)
    assert steps.clock.waits == []


def test_the_jobs_policy_serves_ops_without_one(tmp_path: Path) -> None:
    @op
    def fail() -> int:
        raise ValueError

    steps = single(fail, tmp_path, op_retry_policy=RetryPolicy(2, delay=1))
    steps.run("fail")
    assert steps.clock.waits == [1, 1]


def test_every_try_has_fresh_resources_torn_down_before_the_wait(tmp_path: Path) -> None:
    told: list[str] = []

    @resource
    def db() -> Iterator[int]:
        told.append("up")
        yield 1
        told.append("down")

    @op(required_resource_keys={"db"}, retry_policy=RetryPolicy(1))
    def fail() -> int:
        told.append("body")
        raise ValueError

    single(fail, tmp_path, resource_defs={"db": db}).run("fail")
    assert told == ["up", "body", "down", "up", "body", "down"]


def test_only_the_resources_of_the_step_are_set_up(tmp_path: Path) -> None:
    made: list[str] = []

    @resource
    def db() -> int:
        made.append("db")
        return 1

    @op(required_resource_keys={"db"})
    def use() -> int:
        return 1

    @job(resource_defs={"db": db})
    def daily() -> None:
        one()
        use()

    steps = Steps(daily, tmp_path)
    steps.run("one")
    assert made == []
    steps.run("use")
    assert made == ["db"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, StepTerminated])
def test_an_interrupt_passes_through_after_resources_are_torn_down(
    tmp_path: Path, interrupt: type[BaseException]
) -> None:
    told: list[str] = []

    @resource
    def db() -> Iterator[int]:
        yield 1
        told.append("down")

    @op(required_resource_keys={"db"}, retry_policy=RetryPolicy(3))
    def work() -> int:
        try:
            raise interrupt
        except Exception:  # noqa: BLE001  # what careless user code does
            return 1

    with pytest.raises(interrupt):
        single(work, tmp_path, resource_defs={"db": db}).run("work")
    assert told == ["down"]


def test_ending_the_process_from_user_code_is_a_failure_with_its_code(tmp_path: Path) -> None:
    @op(retry_policy=RetryPolicy(3))
    def leave() -> int:
        raise SystemExit(3)

    outcome = single(leave, tmp_path).run("leave")
    assert isinstance(outcome, StepFailure)
    assert (outcome.reason, outcome.exit_code) == ("ProcessExited", 3)


def test_an_error_is_told_with_the_users_frames_only_and_its_cause(tmp_path: Path) -> None:
    def read() -> int:
        raise KeyError("inner")

    @op
    def fail() -> int:
        try:
            return read()
        except KeyError as error:
            raise ValueError("outer") from error

    outcome = single(fail, tmp_path).run("fail")
    assert isinstance(outcome, StepFailure)
    assert outcome.error is not None
    assert outcome.error.cause is not None
    assert (outcome.error.class_name, outcome.error.cause.class_name) == ("ValueError", "KeyError")
    assert "in fail" in outcome.error.stack
    assert "in read" in outcome.error.cause.stack
    assert "/opweave/" not in outcome.error.stack + outcome.error.cause.stack
    assert outcome.error.stack.endswith("\nValueError: outer\n")
    assert "KeyError: 'inner'" not in outcome.error.stack


def _nested() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("value", [lambda: 1, threading.Lock(), memoryview(b"x"), _nested()])
def test_a_value_that_cannot_be_pickled_names_op_output_type_and_cure(
    tmp_path: Path, value: Any
) -> None:
    @op(out={"rows": Out()})
    def load() -> Any:
        return value

    outcome = single(load, tmp_path).run("load")
    assert isinstance(outcome, StepFailure)
    assert outcome.reason == "OutputUnserializable"
    assert "the output 'rows' of 'load' is" in outcome.message
    assert type(value).__qualname__ in outcome.message
    assert "return plain data, or give the output an I/O manager" in outcome.message
    assert not list(tmp_path.rglob("*part*"))


class Broken(IOManager):
    """Fails in one direction."""

    def __init__(self, direction: str) -> None:
        self.direction = direction
        self.values: dict[str, Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        if self.direction == "out":
            raise OSError("disk full")
        self.values[context.step_key] = obj

    def load_input(self, context: InputContext) -> Any:
        raise OSError("gone")


@pytest.mark.parametrize(
    ("direction", "key", "reason", "told"),
    [
        ("out", "one", "OutputNotStored", "the output 'result' of 'one' could not be stored"),
        (
            "in",
            "add",
            "InputNotLoaded",
            "the input 'x' of 'add' could not be loaded from one.result of run r1",
        ),
    ],
)
def test_a_broken_io_manager_fails_the_step(
    tmp_path: Path, direction: str, key: str, reason: str, told: str
) -> None:
    made = Definitions(jobs=[chain], resources={"io_manager": Broken(direction)}).get_job_def(
        "chain"
    )
    outcome = Steps(made, tmp_path).run(key)
    assert isinstance(outcome, StepFailure)
    assert outcome.reason == reason
    assert told in outcome.message
    assert outcome.error is not None
    assert outcome.error.cause is not None
    assert outcome.error.cause.class_name == "OSError"


def test_an_io_manager_that_is_none_is_refused(tmp_path: Path) -> None:
    made = Definitions(jobs=[chain], resources={"io_manager": 5}).get_job_def("chain")
    outcome = Steps(made, tmp_path).run("one")
    assert isinstance(outcome, StepFailure)
    assert "which is int 5: give an IOManager" in outcome.message


def test_an_inputs_own_manager_loads_it(tmp_path: Path) -> None:
    class Constant(IOManager):
        def handle_output(self, context: OutputContext, obj: Any) -> None:
            raise AssertionError

        def load_input(self, context: InputContext) -> Any:
            return len(context.get_identifier())

    @op(ins={"x": In(int, input_manager_key="constant")})
    def use(x: int) -> int:
        return x

    @job(resource_defs={"constant": Constant()})
    def daily() -> None:
        use(one())

    steps = Steps(daily, tmp_path)
    assert isinstance(steps.run("use"), StepSuccess)
    assert steps.recorder.of(EventType.LOADED_INPUT)[0]["manager_key"] == "constant"


def test_a_failing_resource_fails_the_step(tmp_path: Path) -> None:
    @resource
    def db() -> int:
        raise ConnectionError("refused")

    @op(required_resource_keys={"db"})
    def use() -> int:
        return 1

    steps = single(use, tmp_path, resource_defs={"db": db})
    outcome = steps.run("use")
    assert isinstance(outcome, StepFailure)
    assert (outcome.reason, outcome.user_code_at) == ("ResourceNotReady", None)
    assert steps.recorder.types == ["STEP_START", "RESOURCE_INIT_STARTED", "RESOURCE_INIT_FAILURE"]


def test_a_step_that_the_code_no_longer_has_is_told(tmp_path: Path) -> None:
    outcome = Steps(chain, tmp_path).run("onee", op_path="onee")
    assert isinstance(outcome, StepFailure)
    assert outcome.reason == "StepNotFound"
    assert "did you mean one?" in outcome.message


def test_a_source_that_the_code_no_longer_has_is_told(tmp_path: Path) -> None:
    source = StoredOutput(run_id="r1", step_key="gone", output_name="result")
    outcome = Steps(chain, tmp_path).run("add", inputs={"x": (source,)})
    assert isinstance(outcome, StepFailure)
    assert "its code has changed since the run was planned" in outcome.message


def test_config_that_no_longer_fits_the_code_fails_the_step(tmp_path: Path) -> None:
    @op(config_schema={"rows": int})
    def load(context: OpExecutionContext) -> int:
        return 1

    @job(config={"ops": {"load": {"config": {"rows": 1}}}})
    def daily() -> None:
        load()

    outcome = Steps(daily, tmp_path).run(
        "load", run_config={"ops": {"load": {"config": {"rows": "x"}}}}
    )
    assert isinstance(outcome, StepFailure)
    assert outcome.reason == "ConfigInvalid"
    assert outcome.error is not None
    assert "ops.load.config.rows must be int, found str 'x'" in outcome.error.message


def test_a_users_type_check_that_raises_fails_the_step(tmp_path: Path) -> None:
    def broken(_context: Any, value: Any) -> bool:
        raise ZeroDivisionError

    @op(out=Out(OpweaveType(broken, "Broken")))
    def load() -> int:
        return 1

    outcome = single(load, tmp_path).run("load")
    assert isinstance(outcome, StepFailure)
    assert (outcome.reason, outcome.message) == ("UserCodeError", "ZeroDivisionError")


def test_an_output_object_given_again_starts_anew(tmp_path: Path) -> None:
    shared = Output(1, metadata={"a": 1})

    @op(out={"rows": Out()})
    def load(context: OpExecutionContext) -> Output[int]:
        context.add_output_metadata({"b": 2})
        return shared

    steps = single(load, tmp_path)
    steps.run("load")
    assert sorted(steps.recorder.of(EventType.STEP_OUTPUT)[0]["metadata"]) == ["a", "b"]
    assert (shared.output_name, list(shared.metadata)) == ("result", ["a"])


class HostileError(Exception):
    """Whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def endless() -> int:
    return endless()


def hostile() -> int:
    raise HostileError


def huge() -> int:
    raise ValueError("x" * 10_000_000)


def surrogates() -> int:
    raise ValueError("\ud800")


@pytest.mark.parametrize("body", [endless, hostile, huge, surrogates])
def test_a_hostile_error_is_told_bounded_and_encodable(tmp_path: Path, body: Any) -> None:
    outcome = single(op(name="fail")(body), tmp_path).run("fail")
    assert isinstance(outcome, StepFailure)
    assert len(repr(codec.encode(outcome)).encode("utf-8")) < 100_000


def test_log_messages_become_events_with_level_and_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @op
    def talk(context: OpExecutionContext) -> None:
        context.log.debug("debug %d", 1)
        context.log.info("one %s", "two")
        context.log.warning("wrong %d", "arguments")
        try:
            raise ValueError("oops")
        except ValueError:
            context.log.exception("caught")

    steps = single(talk, tmp_path)
    assert isinstance(steps.run("talk"), StepSuccess)
    told = [(m, p["level"]) for k, m, p in steps.recorder.events if k is EventType.LOG_MESSAGE]
    assert told == [
        ("debug 1", "DEBUG"),
        ("one two", "INFO"),
        ("'wrong %d' (its arguments do not fit)", "WARNING"),
        ("caught", "ERROR"),
    ]
    assert steps.recorder.of(EventType.LOG_MESSAGE)[-1]["error"]["class_name"] == "ValueError"
    assert "INFO daily - r1 - talk - one two" in capsys.readouterr().err


def test_threads_of_the_body_may_log_at_once(tmp_path: Path) -> None:
    @op
    def talk(context: OpExecutionContext) -> None:
        def repeat() -> None:
            for _ in range(50):
                context.log.info("x")

        threads = [threading.Thread(target=repeat) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    steps = single(talk, tmp_path)
    steps.run("talk")
    assert len(steps.recorder.of(EventType.LOG_MESSAGE)) == 200


def test_outputs_yielded_before_an_error_are_not_told_as_produced(tmp_path: Path) -> None:
    @op(out={"a": Out(), "b": Out()})
    def half() -> Iterator[Output[int]]:
        yield Output(1, "a")
        raise ValueError

    steps = single(half, tmp_path)
    assert isinstance(steps.run("half"), StepFailure)
    assert [p["output"] for p in steps.recorder.of(EventType.HANDLED_OUTPUT)] == ["a"]
