"""The program's side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from opweave_pipes import decode_param, encode_param

CONTEXT = {
    "asset_keys": ["a", "b"],
    "code_version_by_asset_key": {"a": "1", "b": None},
    "run_id": "r",
    "job_name": None,
    "retry_number": 2,
    "extras": {},
}


def program(
    code: str, messages: dict[str, Any] | None, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter; without *messages* as if no step had started it."""
    env = dict(os.environ)
    if messages is not None:
        env["OPWEAVE_PIPES_CONTEXT"] = encode_param({"data": CONTEXT})
        env["OPWEAVE_PIPES_MESSAGES"] = encode_param(messages)
    command = [sys.executable, *options, "-c", f"from opweave_pipes import *\n{code}"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_outside_of_a_step_it_warns_and_does_nothing() -> None:
    done = program(
        "with open_opweave_pipes() as c:\n    c.log.info('x')\n    c.report_asset_materialization({})\n"
        "    c.get_extra('n')\nprint('end')",
        None,
    )
    assert (done.returncode, done.stdout) == (0, "end\n")
    assert done.stderr.count("OpweavePipesWarning") == 1


def test_messages_go_to_a_standard_stream() -> None:
    done = program("with open_opweave_pipes() as c: c.log.info('x')", {"stdio": "stdout"})
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [message["method"] for message in told] == ["opened", "log", "closed"]
    assert told[1]["params"] == {"message": "x", "level": "INFO"}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("c.asset_key", "has 2 assets"),
        ("c.get_extra('n')", "no extra 'n'"),
        ("c.report_asset_materialization()", "has 2 assets"),
        ("c.report_asset_materialization(asset_key='z')", "no asset 'z'"),
        ("[c.report_asset_materialization(asset_key='a') for _ in '12']", "twice"),
        ("c.report_asset_materialization(asset_key='a', metadata={'m': {'x': 1}})", "is a dict"),
        ("c.report_asset_check('c', passed=1, asset_key='a')", "a bool passed"),
        ("c.report_asset_check('c', passed=True, severity='BAD', asset_key='a')", "'BAD'"),
        ("c.close(); c.close(); c.report_custom_message(1)", "is closed"),
    ],
)
def test_a_wrong_call_is_told(statement: str, told: str) -> None:
    done = program(f"c = open_opweave_pipes()\n{statement}", {"stdio": "stdout"})
    assert f"OpweavePipesError: {done.stderr.rpartition('OpweavePipesError: ')[2]}" in done.stderr
    assert told in done.stderr.rpartition("OpweavePipesError: ")[2]


def test_a_writer_that_does_not_fit_is_told() -> None:
    assert "message_writer=" in program("open_opweave_pipes()", {"bucket": "b"}).stderr


def test_parameters_survive_as_one_word() -> None:
    word = encode_param({"path": "ö" * 1000})
    assert word.isascii()
    assert " " not in word
    assert decode_param(word) == {"path": "ö" * 1000}


def test_it_needs_the_standard_library_only() -> None:
    done = program("import sys\nprint(*sys.modules)", None)
    loaded = set(done.stdout.split())
    assert "opweave_pipes.context" in loaded
    assert loaded & {"opweave", "pydantic", "click", "yaml", "unittest.mock"} == set()
