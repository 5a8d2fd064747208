"""A whole step process against an ingest server: what it reports, however the user's code ends."""

from __future__ import annotations

import json
import signal

import pytest
from ingest_double import Fault, IngestDouble
from step_runs import StepRuns

from opweave.wire import message


def failure(ingest: IngestDouble) -> dict[str, object]:
    assert ingest.outcome is not None
    assert ingest.outcome["type"] == "STEP_FAILURE"
    payload: dict[str, object] = ingest.outcome["payload"]
    return payload


def test_a_success_is_reported_last_with_its_outputs(ingest: IngestDouble, steps: StepRuns) -> None:
    """STEP_OUTPUT stands in the log before STEP_SUCCESS, which names what was stored."""
    ended = steps.run("context.log.info('hello')\nreturn 7")
    assert ended.code == 0, ended.stderr
    assert ingest.types.index("STEP_OUTPUT") < ingest.types.index("STEP_SUCCESS")
    assert "hello" in [event["message"] for event in ingest.events]
    assert ingest.outcome is not None
    assert ingest.outcome["payload"]["outputs"] == [{"name": "result", "mapping_key": None}]
    assert len(ingest.starts) == 1
    assert set(ingest.outputs) == {"result"}


def test_the_outcome_stands_in_the_termination_message(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """The container runtime has the outcome with its number, whatever happens to the report."""
    ended = steps.run("return 7")
    assert ended.termination is not None
    assert ended.termination["type"] == "STEP_SUCCESS"
    assert ended.termination["seq"] == len(ingest.events) - 1


def test_numbers_begin_where_the_slice_says(ingest: IngestDouble, steps: StepRuns) -> None:
    """An attempt whose log has events already goes on from there."""
    ingest.first_seq = 5
    assert steps.run("pass").code == 0
    assert [event["seq"] for event in ingest.events] == list(range(5, 5 + len(ingest.events)))


def test_an_error_is_reported_with_the_users_traceback(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """Only the user's frames are shown."""
    ended = steps.run("raise ValueError('no rows')")
    assert ended.code == 1
    told = json.dumps(failure(ingest))
    assert "no rows" in told
    assert "user_code.py" in told
    assert "step_process" not in told


def test_code_that_cannot_be_loaded_is_the_users_failure(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """The failure names class, text, file and line."""
    ended = steps.start("", file="x = 1\nimport no_such_module\n").wait()
    assert ended.code == 1
    assert failure(ingest)["reason"] == "ImportFailed"
    assert (
        failure(ingest)["message"]
        == "ModuleNotFoundError: No module named 'no_such_module'  (user_code.py:2)"
    )
    error = failure(ingest)["error"]
    assert isinstance(error, dict)
    assert error["class_name"] == "ModuleNotFoundError"
    assert error["message"] == "No module named 'no_such_module'"
    assert error["stack"].endswith("\nModuleNotFoundError: No module named 'no_such_module'\n")


def test_an_exit_of_the_process_is_told_with_its_code(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """What was printed before it is kept."""
    ended = steps.run("print('before')\nos._exit(3)")
    assert ended.code == 1
    assert failure(ingest)["reason"] == "ProcessExited"
    assert failure(ingest)["exit_code"] == 3
    assert failure(ingest)["kind"] == "USER_CODE"
    assert bytes(ingest.logs["stdout"]) == b"before\n"


def test_a_crash_is_the_users_failure_and_shows_where(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """A segmentation fault leaves the Python stack on standard error."""
    steps.run("os.kill(os.getpid(), signal.SIGSEGV)")
    assert failure(ingest)["kind"] == "USER_CODE"
    assert "SIGSEGV" in str(failure(ingest)["message"])
    assert b"user_code.py" in ingest.logs["stderr"]


def test_a_kill_from_outside_is_the_infrastructures_failure(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """SIGKILL does not come from the code; the operator may try again."""
    steps.run("os.kill(os.getpid(), signal.SIGKILL)")
    assert failure(ingest)["reason"] == "ProcessKilled"
    assert failure(ingest)["kind"] == "INFRASTRUCTURE"
    assert failure(ingest)["exit_code"] == -signal.SIGKILL


def test_ten_megabytes_of_output_arrive_whole(ingest: IngestDouble, steps: StepRuns) -> None:
    """Nothing is dropped, on the own streams and in the upload."""
    ended = steps.run("print('x' * 10_000_000)\nprint('end', file=sys.stderr)")
    assert ended.code == 0
    assert len(ended.stdout) == len(ingest.logs["stdout"]) == 10_000_001
    assert bytes(ingest.logs["stderr"]) == ended.stderr == b"end\n"


def test_output_of_any_bytes_and_of_children_is_kept(ingest: IngestDouble, steps: StepRuns) -> None:
    """Text of any script, bytes that are no text, and what a program that the op starts prints."""
    steps.run(
        r"""
        print("naïve 雪 \udc80")
        os.write(1, b"\x00\xff\xfe")
        subprocess.run(["sh", "-c", "echo from a child; echo and its errors >&2"], check=True)
        """
    )
    expected = "naïve 雪 \\udc80\n".encode() + b"\x00\xff\xfefrom a child\n"
    assert bytes(ingest.logs["stdout"]) == expected
    assert bytes(ingest.logs["stderr"]) == b"and its errors\n"


def test_output_at_the_end_of_the_process_is_kept(ingest: IngestDouble, steps: StepRuns) -> None:
    """``atexit`` functions get their turn after the outcome, and are heard."""
    steps.run("import atexit\natexit.register(print, 'at exit')")
    assert bytes(ingest.logs["stdout"]) == b"at exit\n"


def test_a_closed_standard_output_harms_nobody(ingest: IngestDouble, steps: StepRuns) -> None:
    """The op may close its descriptor and still succeed."""
    ended = steps.run("os.close(1)\nreturn 1")
    assert ended.code == 0
    assert ingest.outcome is not None


@pytest.mark.parametrize("session", [False, True])
def test_a_process_left_behind_does_not_hold_up_the_end(
    ingest: IngestDouble, steps: StepRuns, session: bool
) -> None:
    """A child of the op that lives on, with the op's output open, is no reason to wait."""
    ended = steps.run(
        f"child = subprocess.Popen(['sleep', '60'], start_new_session={session})\nprint(child.pid)"
    )
    assert ended.code == 0
    if session:
        import os

        os.kill(int(ended.stdout), signal.SIGKILL)


def test_a_thread_left_behind_is_ended_after_the_grace(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """A thread that never ends keeps the worker alive, but not the step."""
    ended = steps.run(
        "threading.Thread(target=threading.Event().wait).start()", OPWEAVE_EXIT_GRACE_SECONDS="0.2"
    )
    assert ended.code == 0
    assert b"a thread or an atexit function" in ended.stderr


def test_forks_and_threads_of_the_op_are_its_own_business(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """Events of threads are in order; a fork reports nothing; a terminated fork dies of the signal."""
    ended = steps.run(
        """
        import multiprocessing
        forks = multiprocessing.get_context("fork")
        child = forks.Process(target=context.log.info, args=("from a fork",))
        child.start(); child.join()
        sleeper = forks.Process(target=time.sleep, args=(60,))
        sleeper.start(); sleeper.terminate(); sleeper.join()
        assert sleeper.exitcode == -15, sleeper.exitcode
        threads = [threading.Thread(target=context.log.info, args=(f"thread {n}",)) for n in range(20)]
        [t.start() for t in threads]; [t.join() for t in threads]
        """
    )
    assert ended.code == 0, ended.stderr
    messages = [event["message"] for event in ingest.events]
    assert sum(message.startswith("thread") for message in messages) == 20
    assert "from a fork" not in messages


def test_an_output_that_cannot_be_stored_is_explained(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """The failure names the output and what to do, and nothing is stored."""
    steps.run("return threading.Lock()")
    assert failure(ingest)["reason"] == "OutputUnserializable"
    assert "result" in str(failure(ingest)["message"])
    assert ingest.outputs == {}


def test_an_event_that_is_too_large_is_cut_and_the_step_goes_on(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """One absurd log line costs itself only."""
    assert steps.run("context.log.info('y' * 5_000_000)\ncontext.log.info('after')").code == 0
    assert "after" in [event["message"] for event in ingest.events]


def test_an_event_that_ingest_does_not_take_is_replaced(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """A refusal of one event as malformed leaves its number to a note about it."""
    ingest.faults.append(Fault("/events", 6, 400, {"code": "Malformed", "message": "not so"}))
    assert steps.run("context.log.info('odd')").code == 0
    assert any("refused" in event["payload"] for event in ingest.events)
    assert ingest.outcome is not None


def test_many_events_are_sent_in_batches(ingest: IngestDouble, steps: StepRuns) -> None:
    """All arrive once and in order, in few requests."""
    assert steps.run("for n in range(3000): context.log.info(f'line {n}')").code == 0
    lines = [e["message"] for e in ingest.events if e["message"].startswith("line ")]
    assert lines == [f"line {n}" for n in range(3000)]
    batches = [request for request in ingest.requests if request.events]
    assert len(batches) < 40


def test_the_run_config_and_tags_of_the_slice_reach_the_op(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """Config of any size goes through, also above what a pipe holds."""
    config = {"ops": {"work": {"config": {"text": "z" * 300_000}}}}
    ingest.slice = message.replace(ingest.slice, run_config=config, tags={"team": "a"})
    file = (
        "from opweave import Definitions, job, op\n"
        "@op(config_schema={'text': str})\n"
        "def work(context):\n"
        "    print(len(context.op_config['text']), context.run_id)\n"
        "@job(name='work')\ndef work_job():\n    work()\n"
    )
    ended = steps.start("", file=file).wait()
    assert ended.code == 0, ended.stderr
    assert ended.stdout == b"300000 run-1\n"


def test_wrong_use_is_told_on_standard_error(steps: StepRuns) -> None:
    """Without its environment a step says which variable is missing, and what sets it."""
    ended = steps.run("pass", OPWEAVE_RUN_ID="")
    assert ended.code == 2
    assert b"OPWEAVE_RUN_ID is not set" in ended.stderr


def test_a_step_over_its_time_limit_fails_with_the_limit_named(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """Its log has no torn event although the body never stopped telling."""
    body = """
    while True:
        context.log.info('again')
    """
    ended = steps.start(body, decorator="@op(tags={'opweave/max_runtime': '0.2'})").wait()
    assert ended.code == 1
    assert failure(ingest)["reason"] == "OpTimedOut"
    assert failure(ingest)["kind"] == "USER_CODE"
    assert "0.2 s" in str(failure(ingest)["message"])
    assert [event["seq"] for event in ingest.events] == list(range(len(ingest.events)))
