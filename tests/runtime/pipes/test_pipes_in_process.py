"""Real programs, started by ops and assets in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opweave import (
    AssetCheckSpec,
    AssetExecutionContext,
    Definitions,
    ExecuteInProcessResult,
    MaterializeResult,
    MetadataValue,
    OpExecutionContext,
    OpweaveInvariantViolationError,
    PipesEnvContextInjector,
    PipesFileContextInjector,
    PipesFileMessageReader,
    PipesSubprocessClient,
    asset,
    job,
    materialize,
    op,
    open_pipes_session,
)
from opweave.errors import OpweavePipesExecutionError

OPEN = "from opweave_pipes import *\nwith open_opweave_pipes() as context:\n    "
RAW = """
import json, os, sys
from opweave_pipes import decode_param
path = decode_param(os.environ["OPWEAVE_PIPES_MESSAGES"])["path"]
def send(line):
    with open(path, "ab") as file:
        file.write(line + b"\\n")
def message(method, **params):
    send(json.dumps({"method": method, "params": params}).encode())
"""


def run(
    code: str, client: PipesSubprocessClient | None = None, **arguments: Any
) -> tuple[ExecuteInProcessResult, list[Any]]:
    """Run *code* from an op; return the result and the custom messages."""
    custom: list[Any] = []

    @op
    def work(context: OpExecutionContext, pipes: PipesSubprocessClient) -> None:
        command = [sys.executable, "-c", code]
        ended = pipes.run(context=context, command=command, **arguments)
        custom.extend(ended.get_custom_messages())

    @job(resource_defs={"pipes": client or PipesSubprocessClient()})
    def work_job() -> None:
        work()

    return work_job.execute_in_process(raise_on_error=False), custom


def logged(result: ExecuteInProcessResult) -> list[str]:
    return [str(e.message) for e in result.all_events if e.event_type_value == "LOG_MESSAGE"]


def warnings_of(result: ExecuteInProcessResult) -> list[str]:
    return [line for line in logged(result) if "[pipes] a message is left out" in line]


def test_a_program_knows_its_step_and_answers() -> None:
    code = (
        OPEN
        + "context.report_custom_message([context.run_id, context.job_name, context.retry_number,"
        "context.get_extra('n'), context.is_asset_step, PipesContext.get() is context])"
    )
    result, custom = run(code, extras={"n": [1, "ö"]})
    assert result.success
    assert custom == [[result.run_id, "work_job", 0, [1, "ö"], False, True]]


def test_log_lines_of_the_program_stand_in_the_log_of_the_run() -> None:
    result, _ = run(OPEN + "context.log.warning('only %d rows', 3)")
    (event,) = [e for e in result.all_events if e.message == "only 3 rows"]
    assert event.payload["level"] == "WARNING"


@pytest.mark.parametrize("kind", ["env", "file"])
def test_context_and_messages_take_the_way_that_is_chosen(kind: str, tmp_path: Path) -> None:
    injector = {
        "env": PipesEnvContextInjector(),
        "file": PipesFileContextInjector(str(tmp_path / "context")),
    }[kind]
    client = PipesSubprocessClient(
        context_injector=injector,
        message_reader=PipesFileMessageReader(str(tmp_path / "messages")),
    )
    _, custom = run(OPEN + "context.report_custom_message(context.extras)", client, extras={"a": 1})
    assert custom == [{"a": 1}]
    assert list(tmp_path.iterdir()) == []


def test_environment_and_folder_of_the_call_go_before_the_clients(tmp_path: Path) -> None:
    client = PipesSubprocessClient(env={"A": "client", "B": "client"}, cwd="/")
    code = (
        "import os\n" + OPEN + "context.report_custom_message([*map(os.getenv, 'AB'), os.getcwd()])"
    )
    _, custom = run(code, client, env={"A": "call"}, cwd=str(tmp_path))
    assert custom == [["call", "client", os.path.realpath(tmp_path)]]


def test_a_failed_program_fails_the_step_with_its_exit_code() -> None:
    result, _ = run(OPEN + "raise SystemExit(7)")
    assert not result.success
    (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert "exit code 7" in str(failure.payload)
    assert OpweavePipesExecutionError.__name__ in str(failure.payload)


def test_what_a_program_raised_is_told() -> None:
    result, _ = run(OPEN + "raise ValueError('no rows')")
    assert any("ValueError: no rows" in line for line in logged(result))


def test_an_exit_without_error_is_no_error() -> None:
    result, _ = run(OPEN + "raise SystemExit(0)")
    assert result.success
    assert not any("raised" in line for line in logged(result))


def test_a_program_that_reports_nothing_is_told() -> None:
    result, _ = run("pass")
    assert result.success
    assert any("has reported nothing" in line for line in logged(result))


@pytest.mark.parametrize("forwarded", [True, False])
def test_output_is_forwarded_or_dropped(forwarded: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Dropped output blocks nobody, however much it is."""
    run("print('x' * 300_000 + 'end')", PipesSubprocessClient(forward_stdio=forwarded))
    assert ("xend" in capfd.readouterr().out) is forwarded


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("send(b'{not json')", "is not JSON"),
        ("send(b'\\xff\\xfe')", "is not JSON"),
        ("send(b'[' * 100_000)", "is not JSON"),
        ("send(b'[1]')", "has no method"),
        ("send(b'x' * 50_000_000)", "is longer than 16 MiB"),
        ("message('format_disk')", "unknown method 'format_disk'"),
        ("message('log', message=[1])", "message is list, not str"),
        ("message('report_custom_message')", "KeyError"),
        (
            "message('report_asset_check', asset_key='a', check_name='c', passed='yes')",
            "passed is str",
        ),
        ("message('report_asset_materialization', asset_key=4)", "asset_key is int"),
        ("message('report_asset_materialization', asset_key='')", "each part is a text"),
        (
            "message('report_asset_materialization', asset_key='a', metadata=[1])",
            "metadata is list",
        ),
        (
            "message('report_asset_materialization', asset_key='a', "
            "metadata={'m': {'type': 'int', 'raw_value': 'x'}})",
            "'m' is str, not int",
        ),
        (
            "message('report_asset_materialization', asset_key='a', "
            "metadata={'m': {'type': ['int'], 'raw_value': 1}})",
            "unknown type",
        ),
    ],
)
def test_a_bad_message_is_told_and_the_next_is_read(statement: str, told: str) -> None:
    result, custom = run(f"{RAW}\n{statement}\nmessage('report_custom_message', payload='next')")
    assert result.success
    assert custom == ["next"]
    (line,) = warnings_of(result)
    assert told in line
    assert len(line) < 1000


def test_bad_messages_do_not_fill_the_log() -> None:
    result, _ = run(RAW + "send(b'x\\n' * 5000)")
    assert len(warnings_of(result)) == 100


def test_half_characters_and_unknown_levels_do_no_harm() -> None:
    result, custom = run(
        RAW
        + "message('log', message='a\\ud800', level='nope')\n"
        + "message('report_custom_message', payload='b\\ud800')"
    )
    assert result.success
    assert custom == ["b?"]
    assert "a?" in logged(result)


def test_a_process_left_behind_does_not_hold_up_the_step() -> None:
    code = (
        RAW + "import subprocess, time\n"
        'code = f\'while True: open({path!r}, "ab").write(b"x" * 100)\'\n'
        "left = subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.DEVNULL)\n"
        "message('report_custom_message', payload=left.pid)"
    )
    result, custom = run(code)
    os.kill(custom[0], 9)
    assert result.success


def test_an_asset_is_materialized_as_the_program_reports() -> None:
    code = OPEN + (
        "context.report_asset_materialization({'rows': 3, 'page': {'type': 'url', 'raw_value': 'http://x'}}, 'v7')\n"
        "    context.report_asset_check('whole', passed=False, severity='WARN', metadata={'lost': 1})"
    )

    @asset(key=["lake", "a/b"], check_specs=[AssetCheckSpec("whole", asset=["lake", "a/b"])])
    def stored(
        context: AssetExecutionContext, pipes: PipesSubprocessClient
    ) -> MaterializeResult[Any]:
        command = [sys.executable, "-c", code]
        return pipes.run(context=context, command=command).get_materialize_result()

    result = materialize([stored], resources={"pipes": PipesSubprocessClient()})
    (event,) = result.asset_materializations_for_node(stored.op.name)
    assert event.metadata == {"rows": MetadataValue.int(3), "page": MetadataValue.url("http://x")}
    assert event.tags["opweave/data_version"] == "v7"
    (verdict,) = result.get_asset_check_evaluations()
    assert (verdict.check_name, verdict.passed) == ("whole", False)


def test_a_session_of_ones_own_gives_results_of_all_assets() -> None:
    """What the program did not report is materialized without more."""
    results: list[Any] = []

    @asset
    def plain(context: AssetExecutionContext) -> Any:
        injector = PipesEnvContextInjector()
        from opweave import PipesTempFileMessageReader

        with open_pipes_session(context, injector, PipesTempFileMessageReader()) as session:
            env = {**os.environ, **session.get_bootstrap_env_vars()}
            code = OPEN + "context.report_custom_message(context.asset_key)"
            subprocess.run([sys.executable, "-c", code], env=env, check=True)
        results.append(session.get_custom_messages())
        return session.get_results(metadata={"by": "me"})

    result = materialize([plain])
    assert results == [("plain",)]
    (event,) = result.asset_materializations_for_node("plain")
    assert event.metadata == {"by": MetadataValue.text("me")}


def test_results_that_the_body_of_an_asset_leaves_fail_the_step() -> None:
    """Nothing that a program has reported is lost without a word."""

    @asset
    def plain(context: AssetExecutionContext, pipes: PipesSubprocessClient) -> None:
        code = OPEN + "context.report_asset_materialization({'rows': 3})"
        pipes.run(context=context, command=[sys.executable, "-c", code])

    with pytest.raises(OpweaveInvariantViolationError, match="return get_materialize_result"):
        materialize([plain], resources={"pipes": PipesSubprocessClient()})


def test_the_client_is_a_resource_of_definitions() -> None:
    @asset
    def plain(pipes: PipesSubprocessClient) -> None:
        assert pipes.forward_stdio

    Definitions(assets=[plain], resources={"pipes": PipesSubprocessClient()})
    assert materialize([plain], resources={"pipes": PipesSubprocessClient()}).success
