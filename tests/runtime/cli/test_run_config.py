"""Run config from files and flags: what JSON can hold, and where each key stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from opweave._cli import run_config
from opweave._cli.failures import CommandFailed, ConfigInvalid

RUN_YAML = """ops:
  clean:
    config:
        max_row: 5
        columns: [a, b]
  extract: {config: {since: 2026-01-01}}
"""


def read(tmp_path: Path, text: str, name: str = "run.yaml") -> run_config.RunConfigInput:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return run_config.read([tmp_path / name])


def test_a_date_stays_a_text(tmp_path: Path) -> None:
    """What JSON cannot hold, a date, is a text as it would be in JSON."""
    content = read(tmp_path, RUN_YAML).content
    assert content is not None
    assert content["ops"]["extract"]["config"]["since"] == "2026-01-01"


def test_shows_each_problem_where_it_stands(tmp_path: Path) -> None:
    """A key that stands in the file has line and column, one that is missing has the file; the texts are aligned."""
    config = read(tmp_path, RUN_YAML)
    lines = config.describe(
        [
            {"path": ["ops", "clean", "config", "max_row"], "message": "is not a field"},
            {"path": ["ops", "clean", "config", "columns", "1"], "message": "is no column"},
            {"path": ["ops", "extract", "config", "until"], "message": "is required"},
        ]
    )
    file = tmp_path / "run.yaml"
    width = len(str(file)) + len(":5:22")
    assert [
        f"{file}:4:9".ljust(width) + "  ops.clean.config.max_row  is not a field",
        f"{file}:5:22".ljust(width) + "  ops.clean.config.columns.1  is no column",
        str(file).ljust(width) + "  ops.extract.config.until  is required",
    ] == lines


def test_json_has_places_too(tmp_path: Path) -> None:
    """A JSON file is located like a YAML file."""
    config = read(tmp_path, '{"ops": {\n  "clean": 1}}', "run.json")
    assert config.describe([{"path": ["ops", "clean"], "message": "must be a mapping"}]) == [
        f"{tmp_path / 'run.json'}:2:3  ops.clean  must be a mapping"
    ]


def test_later_sources_win(tmp_path: Path) -> None:
    """Several files and flags are merged key by key; a problem is shown where the winning value stands."""
    (tmp_path / "a.yaml").write_text("ops: {x: {config: {n: 1, m: 1}}}", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("ops: {x: {config: {n: 2}}}", encoding="utf-8")
    config = run_config.read([tmp_path / "a.yaml", tmp_path / "b.yaml"], ['{"resources": {}}'])
    assert config.content == {"ops": {"x": {"config": {"n": 2, "m": 1}}}, "resources": {}}
    [line] = config.describe([{"path": ["ops", "x", "config", "n"], "message": "no"}])
    assert line.startswith(f"{tmp_path / 'b.yaml'}:1:20 ")


def test_no_source_is_no_config() -> None:
    """Nothing given means the job's own config, an empty file means an empty one."""
    assert run_config.read([]).content is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ops: [1", r"run\.yaml:1:8  is not YAML"),
        ("- 1", "must hold a mapping"),
        ("ops: 1\nops: 2", r"run\.yaml:2:1  ops  is written twice"),
        ("ops: {1: 2}", r"run\.yaml:1:7  1 is no text; put the key into quotes"),
        ("ops: {[a]: 2}", r"run\.yaml:1:7  this is no text"),
        ("ops: {a: .nan}", r"run\.yaml:1:10  \.nan is not a number"),
        ("ops: {a: !!binary aGk=}", "binary values cannot be run config"),
        ("ops: !!python/name:os.system", "is not YAML"),
        ("a: &a [*a]", "100 levels deep"),
        ("a: 1\n---\nb: 2", "is not YAML"),
        ("\ta: 1", "is not YAML"),
    ],
)
def test_refuses_what_cannot_be_run_config(tmp_path: Path, text: str, told: str) -> None:
    """A file that is no run config is refused at its line and column."""
    with pytest.raises(ConfigInvalid, match=told):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1,}', r"--config-json:1:\d+  is not JSON"),
        ('{"a": NaN}', "NaN is not a number"),
        ("[]", "must hold a mapping"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_refuses_bad_json(text: str, told: str) -> None:
    """JSON on the command line is checked in the same way."""
    with pytest.raises(ConfigInvalid, match=told):
        run_config.read([], [text])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that cannot be read costs no traceback."""
    with pytest.raises(CommandFailed, match="cannot be read") as raised:
        run_config.read([tmp_path / "nope.yaml"])
    assert 2 == raised.value.exit_code
