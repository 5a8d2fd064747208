"""The command line as people and scripts use it, against a real instance with real step processes."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.local_instance import Instance, command_environment, opweave

JOBS = {"daily_report", "failing", "keeps_elsewhere", "loses_a_process", "noisy", "slow"}


def launch(shop: Instance, job: str, *arguments: str) -> dict[str, Any]:
    done = shop.run("job", "launch", job, "-o", "json", *arguments)
    assert done.returncode == 0, done.stderr
    run: dict[str, Any] = json.loads(done.stdout)
    return run


@pytest.fixture(scope="session")
def report(shop: Instance) -> dict[str, Any]:
    """Provide a run that has succeeded."""
    done = shop.run(
        "job", "launch", "daily_report", "--follow", "-o", "json", "--tags", "team=docs"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run: dict[str, Any] = json.loads(done.stdout)
    return run


@pytest.fixture(scope="session")
def failure(shop: Instance) -> dict[str, Any]:
    """Provide a run that has failed."""
    done = shop.run("job", "launch", "failing", "--follow", "-o", "json")
    assert done.returncode == 1, done.stdout + done.stderr
    run: dict[str, Any] = json.loads(done.stdout)
    return run


def test_dev_says_what_it_serves(shop: Instance) -> None:
    """The banner has version, home and database; the location line counts what was loaded."""
    assert shop.lines[0].startswith("opweave ")
    assert shop.lines[0].endswith("SQLite")
    [line] = [line for line in shop.lines if line.startswith("location shop")]
    assert "loaded" in line
    assert "6 jobs" in line


def test_lists_jobs(shop: Instance) -> None:
    """Every job of the location is listed, in the form that was asked for."""
    table = shop.run("job", "list").stdout.splitlines()
    assert table[0].split() == [
        "JOB",
        "LOCATION",
        "DECLARED",
        "AS",
        "STEPS",
        "CONFIG",
        "DESCRIPTION",
    ]
    assert {line.split()[0] for line in table[1:]} == JOBS
    rows = yaml.safe_load(shop.run("job", "list", "-o", "yaml").stdout)
    assert {row["name"]: row["requiresConfig"] for row in rows} == {
        "daily_report": False,
        "failing": False,
        "keeps_elsewhere": False,
        "loses_a_process": False,
        "noisy": False,
        "slow": True,
    }


def test_prints_the_graph_of_a_job(shop: Instance) -> None:
    """Each step is printed with what it waits for."""
    printed = shop.run("job", "print", "daily_report").stdout
    assert "Make the report." in printed
    assert "clean    after extract" in printed


def test_follows_a_run_line_by_line(shop: Instance) -> None:
    """Without a terminal each change is a plain line; the end has a time line and the way to the run."""
    done = shop.run("job", "launch", "daily_report", "--follow")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("run ")
    assert lines[0].endswith("daily_report  location shop")
    for key in ("extract", "clean", "total"):
        assert any(line.split()[:3] == [key, "✓", "SUCCESS"] for line in lines), done.stdout
    assert "█ working" in done.stdout
    assert lines[-1].startswith("SUCCESS in ")
    assert "\x1b" not in done.stdout


def test_redraws_on_a_terminal(shop: Instance) -> None:
    """On a terminal the lines of the steps are written again in place, in colour."""
    text = on_terminal(shop, "job", "launch", "daily_report", "--follow")
    assert "\x1b[J" in text
    assert "\x1b[32m" in text
    assert "SUCCESS" in text


def test_no_colour_when_people_do_not_want_it(shop: Instance) -> None:
    """NO_COLOR is obeyed on a terminal."""
    assert "\x1b[32m" not in on_terminal(shop, "run", "list", NO_COLOR="1")


def on_terminal(shop: Instance, *arguments: str, **environment: str) -> str:
    """Run a command on a pseudo-terminal and return all that it wrote."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "opweave", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env=command_environment(OPWEAVE_URL=shop.url, TERM="xterm", **environment),
    )
    os.close(follower)
    written = bytearray()
    while True:
        try:
            chunk = os.read(leader, 65_536)
        except OSError:  # EIO: everybody has closed the other side
            break
        if not chunk:
            break
        written += chunk
    os.close(leader)
    assert process.wait(30) == 0
    return written.decode()


def test_a_failed_run_shows_the_users_traceback(shop: Instance, failure: dict[str, Any]) -> None:
    """The run's page has the error, the failing line, and why the rest was skipped."""
    done = shop.run("run", "show", failure["runId"])
    assert done.returncode == 0
    assert "ZeroDivisionError" in done.stdout
    assert "1 / (len(rows) - 4)" in done.stdout
    total = next(line for line in done.stdout.splitlines() if line.startswith("total "))
    assert "SKIPPED" in total
    assert failure["runId"] in shop.run("run", "list", "-s", "failure").stdout


def test_following_says_why_a_step_was_skipped(shop: Instance, failure: dict[str, Any]) -> None:
    """The words are those of the run's page."""
    followed = shop.run("run", "wait", failure["runId"]).stdout
    shown = shop.run("run", "show", failure["runId"]).stdout
    assert "UpstreamFailed upstream step broken failed" in followed
    assert "UpstreamFailed upstream step broken failed" in shown
    assert "UserCodeError ZeroDivisionError: division by zero" in followed


def test_a_run_is_shown_with_what_its_log_warns_of(shop: Instance) -> None:
    """Tries within a process are counted, and a failing clean-up of a successful run is told."""
    done = shop.run("job", "launch", "noisy", "--follow", "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    run_id = json.loads(done.stdout)["runId"]
    shown = shop.run("run", "show", run_id).stdout.splitlines()
    row = next(line for line in shown if line.startswith("second_try "))
    assert "1 (+1 retry)" in row
    note = shown[shown.index("notes") + 1]
    assert note.startswith("  second_try: resource leaky could not be torn down")
    assert "OSError: the connection was gone already" in note
    log = shop.run("run", "logs", run_id).stdout
    assert "LOG_MESSAGE  WARNING  first line\n    second line\n" in log


def test_shows_a_run_by_the_beginning_of_its_id(shop: Instance, report: dict[str, Any]) -> None:
    """An id may be cut as long as it is the only one, in either case."""
    short = report["runId"][:20].upper()
    done = shop.run("run", "show", short, "-o", "json")
    assert json.loads(done.stdout)["runId"] == report["runId"]


def test_lists_runs_by_filter_and_page(
    shop: Instance, report: dict[str, Any], failure: dict[str, Any]
) -> None:
    """Filters meet, and a page says how to see the next."""
    tagged = json.loads(shop.run("run", "list", "--tags", "team=docs", "-o", "json").stdout)
    assert [run["runId"] for run in tagged] == [report["runId"]]
    by_job = json.loads(
        shop.run("run", "list", "-j", "failing", "-l", "shop", "--since", "1h", "-o", "json").stdout
    )
    assert failure["runId"] in [run["runId"] for run in by_job]
    page = shop.run("run", "list", "--limit", "1")
    first = page.stdout.splitlines()[1].split()[0]
    assert f"more: --after {first}" in page.stderr
    assert first not in shop.run("run", "list", "--after", first).stdout


def test_prints_the_log_of_a_run(shop: Instance, report: dict[str, Any]) -> None:
    """Events come as lines or as JSON, of the run or of a step."""
    text = shop.run("run", "logs", report["runId"]).stdout
    assert "extracting four rows" in text
    assert "RUN_SUCCESS" in text
    lines = shop.run(
        "run", "logs", report["runId"], "--step", "clean", "-o", "json"
    ).stdout.splitlines()
    assert {json.loads(line)["stepKey"] for line in lines} == {"clean"}


def test_prints_what_steps_wrote(shop: Instance, report: dict[str, Any]) -> None:
    """Standard output and error are kept apart; several steps are told apart by their keys."""
    assert (
        "[extract] printed by extract"
        in shop.run("run", "logs", report["runId"], "--stream", "stdout").stdout
    )
    one = shop.run("run", "logs", report["runId"], "--stream", "stderr", "--step", "total")
    assert "summing up" in one.stdout.splitlines()


def test_prints_what_every_attempt_wrote(shop: Instance) -> None:
    """The output of an attempt that was lost is not hidden by that of the next; one may be chosen."""
    run = launch(shop, "loses_a_process")
    assert shop.run("run", "wait", run["runId"]).returncode == 0
    command = ("run", "logs", run["runId"], "--stream", "stdout")
    both = shop.run(*command)
    assert ["printed by attempt 1", "printed by attempt 2"] == both.stdout.splitlines()
    assert "attempt 2 of dies_once:" in both.stderr
    second = shop.run(*command, "--attempt", "2")
    assert ["printed by attempt 2"] == second.stdout.splitlines()


def test_an_output_that_is_not_there_is_told_apart(
    shop: Instance, failure: dict[str, Any], report: dict[str, Any]
) -> None:
    """A step that does not exist, one that failed, one that was skipped and one that stored elsewhere."""
    texts = [
        shop.run("run", "output", run["runId"], step, "--name", "other").stderr
        for run, step in [
            (failure, "nope"),
            (failure, "broken"),
            (failure, "total"),
            (report, "total"),
        ]
    ]
    assert "has no step 'nope'; it has: " in texts[0]
    assert "it failed; `opweave run show" in texts[1]
    assert "it was skipped" in texts[2]
    assert "succeeded, but stored no output 'other' at the artifact endpoint" in texts[3]


def test_an_output_that_is_kept_elsewhere_has_an_address(shop: Instance) -> None:
    """That which its I/O manager told when it stored it."""
    run = launch(shop, "keeps_elsewhere")
    assert shop.run("run", "wait", run["runId"]).returncode == 0
    done = shop.run("run", "output", run["runId"], "keep")
    assert done.returncode != 0
    assert "where its I/O manager stored it: s3://kept/result\n" in done.stderr


def test_a_mistake_in_the_config_costs_no_run(shop: Instance, tmp_path: Path) -> None:
    """All mistakes are shown at their lines, nothing is launched, and the exit code says why."""
    file = tmp_path / "run.yaml"
    file.write_text("ops:\n  clean:\n    config:\n        max_row: 5\n", encoding="utf-8")
    before = shop.run("run", "list", "-o", "json").stdout
    done = shop.run("job", "launch", "daily_report", "--config", str(file))
    assert done.returncode == 4
    assert f"{file}:4:9  ops.clean.config.max_row  " in done.stderr
    assert "max_rows" in done.stderr
    assert "nothing was launched. `opweave job scaffold-config daily_report` prints" in done.stderr
    assert shop.run("run", "list", "-o", "json").stdout == before


def test_scaffolds_a_config_that_can_be_launched(shop: Instance, tmp_path: Path) -> None:
    """What scaffold-config prints is a run config."""
    file = tmp_path / "run.yaml"
    file.write_text(shop.run("job", "scaffold-config", "daily_report").stdout, encoding="utf-8")
    run = launch(shop, "daily_report", "-c", str(file))
    done = shop.run("run", "wait", run["runId"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["run", "show", "01zzzz"], 3, "01zzzz"),
        (["run", "logs", "01" + "0" * 24], 3, "there is no run"),
        (["run", "show", "zzzzzzz"], 3, "there is no run"),
        (["run", "show", '\u00fc"{'], 3, "there is no run"),
        (["run", "show", "01z"], 2, "Error: '01z' is too short"),
        (["job", "launch", "nope"], 3, "nope"),
        (
            ["job", "print", "nope"],
            3,
            "there are: daily_report, failing, keeps_elsewhere, loses_a_process, noisy, slow",
        ),
        (["job", "scaffold-config", "nope"], 3, "nope"),
        (["location", "show", "nope"], 3, "there are: shop"),
        (["job", "launch", "slow", "--config-json", "{"], 4, "--config-json:1:2"),
        (["job", "launch", "slow"], 4, "until"),
        (["job", "launch", "slow", "-c", "/nowhere.yaml"], 2, "--config /nowhere.yaml cannot be"),
        (["run", "logs", "01" + "0" * 24, "--attempt", "2"], 2, "give --stream too"),
        (["job", "launch", "daily_report", "--tags", "x"], 2, "write key=value"),
        (["run", "list", "--since", "soon"], 2, "write 2026-01-31"),
    ],
)
def test_exit_codes_tell_scripts_what_happened(
    shop: Instance, arguments: list[str], code: int, told: str
) -> None:
    """Each kind of failure has its code and says what was wrong, without a traceback."""
    done = shop.run(*arguments)
    assert (code, True) == (done.returncode, told in done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_terminates_a_run(shop: Instance, tmp_path: Path) -> None:
    """A run that waits is ended; ending it again is harmless; waiting for it tells that it failed."""
    config = json.dumps({"ops": {"wait_for": {"config": {"until": str(tmp_path / "never")}}}})
    run = launch(shop, "slow", "--config-json", config)
    first = shop.run("run", "terminate", run["runId"])
    again = shop.run("run", "terminate", run["runId"])
    waited = shop.run("run", "wait", run["runId"])
    assert (first.returncode, again.returncode, waited.returncode) == (0, 0, 1)
    assert "CANCELED" in waited.stdout.splitlines()[-1]
    assert "had ended already" in shop.run("run", "terminate", run["runId"]).stdout
    assert "termination requested by cli (" in shop.run("run", "logs", run["runId"]).stdout


def test_ctrl_c_stops_following_only(shop: Instance, tmp_path: Path) -> None:
    """The run goes on, which the command says, and its exit code is that of an interrupted program."""
    go = tmp_path / "go"
    config = json.dumps({"ops": {"wait_for": {"config": {"until": str(go)}}}})
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "opweave",
            "job",
            "launch",
            "slow",
            "--follow",
            "--config-json",
            config,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=command_environment(OPWEAVE_URL=shop.url, PYTHONUNBUFFERED="1"),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:3] == ["wait_for", "▸", "RUNNING"]:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    run_id = errors.split("run show ")[1].split(";")[0]
    go.write_text("")
    waited = shop.run("run", "wait", run_id)
    assert (process.returncode, waited.returncode) == (130, 0), errors + waited.stdout
    assert "the run goes on" in errors


def test_follows_logs_until_the_run_ends(shop: Instance, tmp_path: Path) -> None:
    """``logs -f`` prints what comes and ends with the run."""
    go = tmp_path / "go"
    config = json.dumps({"ops": {"wait_for": {"config": {"until": str(go)}}}})
    run = launch(shop, "slow", "--config-json", config)
    process = subprocess.Popen(
        [sys.executable, "-m", "opweave", "run", "logs", "-f", run["runId"]],
        stdout=subprocess.PIPE,
        text=True,
        env=command_environment(OPWEAVE_URL=shop.url, PYTHONUNBUFFERED="1"),
    )
    assert process.stdout is not None
    assert "RUN_ENQUEUED" in process.stdout.readline()
    go.write_text("")
    text, _ = process.communicate(timeout=60)
    assert "RUN_SUCCESS" in text.splitlines()[-1]


def test_shows_locations(shop: Instance) -> None:
    """A location is listed with its counts, and shown with its jobs."""
    row = shop.run("location", "list").stdout.splitlines()[1].split()
    assert row[:4] == ["shop", "local", "True", "6"]
    assert "job       daily_report  Make the report." in shop.run("location", "show", "shop").stdout


def test_an_unreachable_server_has_its_own_code() -> None:
    """Nothing listens: the command says what to do."""
    done = opweave("run", "list", OPWEAVE_URL="http://127.0.0.1:9")
    assert done.returncode == 5
    assert "opweave dev" in done.stderr


def test_a_server_that_is_not_ours_is_told(shop: Instance) -> None:
    """An address that does not speak our GraphQL is named."""
    done = opweave("run", "list", OPWEAVE_URL=f"{shop.url}/somewhere")
    assert done.returncode == 2
    assert "is it an opweave server?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    """Each shell gets its script without that shell being installed."""
    done = opweave("completion", shell)
    assert done.returncode == 0
    assert "_OPWEAVE_COMPLETE" in done.stdout


def test_completes_commands() -> None:
    """What the shells' scripts ask for is answered."""
    done = opweave(_OPWEAVE_COMPLETE="bash_complete", COMP_WORDS="opweave run ", COMP_CWORD="2")
    assert "plain,terminate" in done.stdout.splitlines()


def complete(shop_url: str, words: str) -> list[str]:
    done = opweave(
        _OPWEAVE_COMPLETE="bash_complete",
        COMP_WORDS=f"opweave {words}",
        COMP_CWORD=str(len(f"opweave {words}".split(" ")) - 1),
        OPWEAVE_URL=shop_url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


def test_completes_what_the_server_knows(shop: Instance, report: dict[str, Any]) -> None:
    """Jobs, locations, runs and the steps of a run, by what has been typed of them."""
    assert complete(shop.url, "job launch ") == sorted(JOBS)
    assert complete(shop.url, "job print da") == ["daily_report"]
    assert complete(shop.url, "run list --location ") == ["shop"]
    assert report["runId"] in complete(shop.url, "run show ")
    steps = complete(shop.url, f"run logs {report['runId']} --step ")
    assert steps == ["extract", "clean", "total"]
    assert complete("http://127.0.0.1:9", f"--url {shop.url} job print da") == ["daily_report"]


def test_completes_the_plugin_of_kubectl(shop: Instance) -> None:
    """Kubectl calls a program of its own for completion, and reads a line per value and a directive."""
    program = "from opweave.cli import complete_for_kubectl; complete_for_kubectl()"

    def answer(*words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=command_environment(OPWEAVE_URL=shop.url),
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert ["job\tLaunch jobs and look at what there is to...", ":4"] == answer("jo")
    assert ["daily_report\tMake the report.", ":4"] == answer("job", "launch", "dai")
    assert ":0" == answer("job", "launch", "slow", "--config", "")[-1]


def test_completes_nothing_without_an_answer(shop: Instance) -> None:
    """A server that is not there, is silent, or is not ours costs neither a wait nor a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        addresses = [f"http://127.0.0.1:{silent.getsockname()[1]}", "http://127.0.0.1:9"]
        for url in (*addresses, f"{shop.url}/somewhere", "nonsense://"):
            assert complete(url, "job launch ") == []


def test_the_server_may_be_named_before_the_subcommand(shop: Instance) -> None:
    """There it wins over the environment; after the subcommand it wins over both."""
    nowhere = "http://127.0.0.1:9"
    before = opweave("--url", shop.url, "job", "list", OPWEAVE_URL=nowhere)
    after = opweave("--url", nowhere, "job", "list", "--url", shop.url)
    wrong = opweave("--url", nowhere, "job", "list", OPWEAVE_URL=shop.url)
    assert (before.returncode, after.returncode, wrong.returncode) == (0, 0, 5), before.stderr
    assert "--url URL" in opweave("--help").stdout


def test_the_help_of_completion_has_a_line_per_shell() -> None:
    """Lines that are to be copied are not flowed together."""
    lines = [line.strip() for line in opweave("completion", "--help").stdout.splitlines()]
    for shell in ("bash", "zsh", "fish"):
        assert any(
            line.startswith(f"{shell}:") and line.count("opweave completion") == 1 for line in lines
        )


def test_starts_quickly_and_lightly() -> None:
    """Listing the commands imports neither the runtime's definitions nor a YAML parser nor the operator."""
    code = (
        "import sys\nsys.argv = ['opweave', '--help']\nfrom opweave.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(m for m in ('yaml', 'pydantic', 'opweave_operator', 'ssl', 'opweave.definitions') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=command_environment(),
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_looks_at_the_code_itself() -> None:
    """Jobs of a file are listed, printed and scaffolded without any server."""
    file = ("-f", str(Path(__file__).with_name("shop.py")))
    nowhere = {"OPWEAVE_URL": "http://127.0.0.1:9"}
    rows = json.loads(opweave("job", "list", *file, "-o", "json", **nowhere).stdout)
    assert {row["name"]: row["requiresConfig"] for row in rows} == {
        name: name == "slow" for name in JOBS
    }
    printed = opweave("job", "print", "daily_report", *file, **nowhere).stdout
    assert ["daily_report", "total    after clean"] == [
        printed.splitlines()[0],
        printed.splitlines()[-1].strip(),
    ]
    scaffolded = opweave("job", "scaffold-config", "daily_report", *file, **nowhere)
    assert {"max_rows": 3} == yaml.safe_load(scaffolded.stdout)["ops"]["clean"]["config"]
    unknown = opweave("job", "print", "nope", *file, **nowhere)
    assert (3, True) == (unknown.returncode, "there are: daily_report" in unknown.stderr)


def test_executes_the_job_of_a_project(tmp_path: Path) -> None:
    """The module stands in pyproject.toml; a selection and tags are those of a launch, and each step is told."""
    (tmp_path / "shop.py").write_text(
        Path(__file__).with_name("shop.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.opweave]\nmodule_name = "shop"\n')
    options = ("-d", str(tmp_path), "-j", "daily_report", "--tags", "team=x")
    done = opweave("job", "execute", *options, "--op-selection", "*clean")
    assert done.returncode == 0, done.stderr
    steps = [line.split()[:3] for line in done.stdout.splitlines() if "✓" in line]
    assert [["extract", "✓", "SUCCESS"], ["clean", "✓", "SUCCESS"]] == steps
    nothing = opweave("job", "execute", "-d", str(tmp_path / ".."))
    assert (2, True) == (nothing.returncode, "-f FILE or -m MODULE" in nothing.stderr)


def test_executes_a_job_in_this_process() -> None:
    """A job runs without any server; a failure has the traceback and the exit code 1."""
    shop_file = str(Path(__file__).with_name("shop.py"))
    good = opweave("job", "execute", "-f", shop_file, "-j", "daily_report")
    bad = opweave("job", "execute", "-f", shop_file, "-j", "failing")
    wrong = opweave("job", "execute", "-f", shop_file, "-j", "slow")
    assert (good.returncode, bad.returncode, wrong.returncode) == (0, 1, 4), (
        good.stderr + wrong.stderr
    )
    assert "ZeroDivisionError" in bad.stdout
    assert "until" in wrong.stderr


def test_says_which_version_answers(shop: Instance) -> None:
    """Client and server tell their versions."""
    versions = json.loads(shop.run("version", "--server", "-o", "json").stdout)
    assert {"client", "server", "python"} == set(versions)
