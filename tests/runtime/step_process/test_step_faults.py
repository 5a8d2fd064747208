"""A step process while ingest is down, slow or refuses it, and while it is told to stop."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest
from ingest_double import Fault, IngestDouble
from step_runs import StepRuns

WAIT_FOR_FILE = """
print("ready", flush=True)
while not Path("go").exists():
    time.sleep(0.01)
"""
"""An op that runs until the test has done what it wants; the step's directory is its current one."""


def go(tmp_path: Path) -> None:
    (tmp_path / "go").touch()


def test_an_outage_at_the_start_delays_the_step(ingest: IngestDouble, steps: StepRuns) -> None:
    """Refused connections are tried again until ingest is there."""
    ingest.down()
    run = steps.start("pass")
    run.read_until(b"cannot report")
    ingest.up()
    assert run.wait().code == 0
    assert ingest.outcome is not None


def test_nothing_has_run_when_ingest_never_answers(ingest: IngestDouble, steps: StepRuns) -> None:
    """The exit code says that a new attempt may be made."""
    ingest.down()
    ended = steps.run("Path('ran').touch()", OPWEAVE_REPORT_TIMEOUT_SECONDS="0.3")
    assert ended.code == 69
    assert ended.termination is None
    ingest.up()


def test_an_outage_at_the_outcome_leaves_it_in_the_termination_message(
    ingest: IngestDouble, steps: StepRuns, tmp_path: Path
) -> None:
    """The step ends with its own exit code, since its outcome is not lost."""
    run = steps.start(WAIT_FOR_FILE, OPWEAVE_REPORT_TIMEOUT_SECONDS="0.5")
    ingest.wait_for(lambda: "STEP_START" in ingest.types)
    ingest.faults.append(Fault("/events", 10_000, 503))
    go(tmp_path)
    ended = run.wait()
    assert ended.code == 0
    assert ended.termination is not None
    assert ended.termination["type"] == "STEP_SUCCESS"
    assert ingest.outcome is None


def test_an_outage_in_the_middle_loses_and_doubles_nothing(
    ingest: IngestDouble, steps: StepRuns, tmp_path: Path
) -> None:
    """Events and output of the time without ingest arrive after it."""
    run = steps.start(
        WAIT_FOR_FILE + "for n in range(500): context.log.info(f'line {n}'); print('o' * 1000)"
    )
    ingest.wait_for(lambda: "STEP_START" in ingest.types and bytes(ingest.logs["stdout"]) != b"")
    ingest.down()
    go(tmp_path)
    run.read_until(b"cannot report")
    ingest.up()
    assert run.wait().code == 0
    lines = [e["message"] for e in ingest.events if e["message"].startswith("line ")]
    assert lines == [f"line {n}" for n in range(500)]
    assert len(ingest.logs["stdout"]) == len("ready\n") + 500 * 1001


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/events", 3, 500),
        Fault("/events", 3, 503, {"code": "Unavailable", "message": "database"}),
        Fault("/events", 2, 429, {"code": "TooFast", "message": "slow down"}),
        Fault("/events", 2, 0),
        Fault("/events", 1, 0, is_applied=True),
        Fault("/events", 1, 500, is_applied=True),
        Fault("/start", 2, 500),
        Fault("/start", 1, 0, is_applied=True),
        Fault("/logs", 2, 500),
        Fault("/logs", 1, 0, is_applied=True),
        Fault("/outputs", 2, 500),
        Fault("/outputs", 1, 0),
    ],
    ids=lambda fault: f"{fault.where}-{fault.status}-{'applied' if fault.is_applied else 'lost'}",
)
def test_faults_of_single_requests_change_nothing(
    ingest: IngestDouble, steps: StepRuns, fault: Fault
) -> None:
    """A failed, reset or doubled request is sent again; each event and byte is stored once."""
    ingest.faults.append(fault)
    ended = steps.run("print('p' * 200_000)\ncontext.log.info('one')\nreturn 'value'")
    assert ended.code == 0, ended.stderr
    assert [event["message"] for event in ingest.events].count("one") == 1
    assert len(ingest.logs["stdout"]) == 200_001
    assert set(ingest.outputs) == {"result"}


def test_slow_logs_do_not_delay_the_outcome(ingest: IngestDouble, steps: StepRuns) -> None:
    """The outcome is stored while a log upload hangs; the log arrives whole afterwards."""
    release = ingest.hold("/logs")
    run = steps.start("print('q' * 100_000)")
    ingest.wait_for(lambda: ingest.outcome is not None)
    assert bytes(ingest.logs["stdout"]) == b""
    release.set()
    assert run.wait().code == 0
    assert len(ingest.logs["stdout"]) == 100_001


def test_an_upload_that_hangs_is_given_up_at_the_end(ingest: IngestDouble, steps: StepRuns) -> None:
    """After the outcome the rest of the output gets a bounded time."""
    release = ingest.hold("/logs")
    assert steps.run("print('q' * 1000)", OPWEAVE_LOG_FLUSH_SECONDS="0.3").code == 0
    release.set()


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "NoToken"), (403, "NotYourAttempt"), (404, "UnknownAttempt"), (409, "AttemptClosed")],
)
def test_a_refusal_ends_the_process_without_a_report(
    ingest: IngestDouble, steps: StepRuns, tmp_path: Path, status: int, code: str
) -> None:
    """In the middle of the op: the worker is ended, nothing is said about the step."""
    run = steps.start(WAIT_FOR_FILE + "context.log.info('next')\ntime.sleep(60)")
    ingest.wait_for(lambda: "STEP_START" in ingest.types)
    ingest.refusal = (status, code)
    go(tmp_path)
    ended = run.wait()
    assert ended.code == 66
    assert code.encode() in ended.stderr
    assert ended.termination is None


def test_a_bad_token_runs_nothing(ingest: IngestDouble, steps: StepRuns, tmp_path: Path) -> None:
    """Refused at the start, the op's body never begins."""
    ended = steps.run("Path('ran').touch()", OPWEAVE_TOKEN="wrong")
    assert ended.code == 66
    assert not (tmp_path / "ran").exists()


def test_a_rotated_token_file_is_read_again(
    ingest: IngestDouble, steps: StepRuns, tmp_path: Path
) -> None:
    """The token of each request is the one that stands in the file then."""
    file = tmp_path / "token"
    file.write_text(ingest.token)
    run = steps.start(WAIT_FOR_FILE, OPWEAVE_TOKEN_FILE=str(file))
    ingest.wait_for(lambda: "STEP_START" in ingest.types)
    ingest.token = "the next one"
    file.write_text("the next one\n")
    go(tmp_path)
    assert run.wait().code == 0


STOPPED_OP = """
try:
    print("ready", flush=True)
    time.sleep(60)
except BaseException as error:
    print("cleaned up after", type(error).__name__)
    raise
"""


def test_a_stopped_step_cleans_up_and_says_so(ingest: IngestDouble, steps: StepRuns) -> None:
    """SIGTERM reaches the op as an exception; the outcome is the infrastructure's, as a drained node sends it too."""
    run = steps.start(STOPPED_OP)
    ingest.wait_for(lambda: bytes(ingest.logs["stdout"]) == b"ready\n")
    run.stop()
    ended = run.wait()
    assert ended.code == 1
    assert bytes(ingest.logs["stdout"]) == b"ready\ncleaned up after StepTerminated\n"
    assert ingest.outcome is not None
    assert ingest.outcome["payload"]["reason"] == "Terminated"
    assert ingest.outcome["payload"]["kind"] == "INFRASTRUCTURE"


def test_a_stop_that_ingest_knows_of_is_a_cancellation(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """The answer to an event says that the run is being cancelled."""
    run = steps.start(STOPPED_OP)
    ingest.wait_for(lambda: bytes(ingest.logs["stdout"]) == b"ready\n")
    ingest.should_stop = True
    run.stop()
    run.wait()
    assert ingest.outcome is not None
    assert ingest.outcome["payload"]["kind"] == "CANCELED"


def test_ingest_can_stop_a_step_without_a_signal(ingest: IngestDouble, steps: StepRuns) -> None:
    """``should_stop`` in an acknowledgement is enough."""
    ingest.should_stop = True
    ended = steps.run("time.sleep(60)")
    assert ended.code == 1
    assert ingest.outcome is not None
    assert ingest.outcome["payload"]["kind"] == "CANCELED"
    assert "deleted or evicted" not in ingest.outcome["payload"]["message"]


def test_an_op_that_will_not_stop_is_killed(ingest: IngestDouble, steps: StepRuns) -> None:
    """After the grace the worker gets SIGKILL and the outcome says so."""
    run = steps.start(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)",
        OPWEAVE_STOP_GRACE_SECONDS="0.2",
    )
    ingest.wait_for(lambda: bytes(ingest.logs["stdout"]) == b"ready\n")
    run.stop()
    assert run.wait().code == 1
    assert ingest.outcome is not None
    told, _, why = ingest.outcome["payload"]["message"].partition("; ")
    assert "the step was told to stop and was killed after 0.2 s" == told
    assert "its pod was deleted or evicted" in why


def test_an_op_that_turns_the_stop_into_an_error_was_stopped_all_the_same(
    ingest: IngestDouble, steps: StepRuns
) -> None:
    """The failure is not charged to the user's code."""
    run = steps.start(
        """
        try:
            print("ready", flush=True)
            time.sleep(60)
        except BaseException:
            raise RuntimeError("woken")
        """
    )
    ingest.wait_for(lambda: bytes(ingest.logs["stdout"]) == b"ready\n")
    run.stop()
    run.wait()
    assert ingest.outcome is not None
    assert ingest.outcome["payload"]["reason"] == "Terminated"
    assert ingest.outcome["payload"]["kind"] == "INFRASTRUCTURE"


def test_a_stop_before_the_start_runs_nothing(ingest: IngestDouble, steps: StepRuns) -> None:
    """Told to stop while ingest is away, the process ends at once."""
    ingest.down()
    run = steps.start("pass")
    run.read_until(b"cannot report")
    run.stop()
    assert run.wait().code == 69
    ingest.up()


def test_the_worker_dies_with_its_supervisor(
    ingest: IngestDouble, steps: StepRuns, tmp_path: Path
) -> None:
    """A killed supervisor leaves neither the op nor a program that it has started."""
    run = steps.start(
        """
        child = subprocess.Popen(["sleep", "60"])
        Path("pids").write_text(f"{os.getpid()} {child.pid}")
        print("ready", flush=True)
        time.sleep(60)
        """
    )
    ingest.wait_for(lambda: bytes(ingest.logs["stdout"]) == b"ready\n")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    ends = [os.pidfd_open(pid) for pid in pids]
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    for end in ends:
        poll = select.poll()
        poll.register(end, select.POLLIN)
        assert poll.poll(10_000)
        os.close(end)


def test_a_step_buries_orphans_as_process_one(ingest: IngestDouble, steps: StepRuns) -> None:
    """In a process namespace of its own the supervisor reaps what the op's children leave."""
    run = steps.start(
        """
        subprocess.run(["sh", "-c", "sleep 0 & exec true"], check=True)
        states = [p.read_text().rsplit(")", 1)[1].split()[0] for p in Path("/proc").glob("[0-9]*/stat")]
        print(os.getppid(), states.count("Z") <= 1)
        """,
        prefix=("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"),
    )
    ended = run.wait()
    assert ended.code == 0, ended.stderr
    assert ended.stdout == b"1 True\n"
