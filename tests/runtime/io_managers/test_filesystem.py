"""Outputs as files: where they lie, and that no name leads elsewhere."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave import (
    FilesystemIOManager,
    OpweaveInvariantViolationError,
    build_input_context,
    build_output_context,
    fs_io_manager,
    job,
    op,
)
from opweave.io_managers.filesystem import MAX_NAME_BYTES, default_directory, safe_name

HOSTILE = [
    "..",
    ".",
    "",
    "/",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    ".hidden",
    "x" * 5000,
    "ü",
    "%2E",
    "~",
    "\ud800",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_no_identifier_leads_out_of_the_directory(tmp_path: Path, part: str) -> None:
    manager = FilesystemIOManager(tmp_path / "storage")
    for context in (
        build_output_context(run_id=part),
        build_output_context(step_key=part),
        build_output_context(name=part),
        build_output_context(mapping_key=part),
    ):
        path = manager.path_for(context.get_identifier())
        assert len(path.relative_to(tmp_path / "storage").parts) == len(context.get_identifier())
        manager.handle_output(context, part)
        assert manager.load_input(build_input_context(context)) == part
    assert [p.name for p in tmp_path.iterdir()] == ["storage"]


@given(st.text(), st.text())
def test_distinct_names_stay_distinct_and_short(first: str, second: str) -> None:
    assert (safe_name(first) == safe_name(second)) == (first == second)
    assert 0 < len(safe_name(first)) <= MAX_NAME_BYTES
    assert not safe_name(first).startswith(".")
    assert "/" not in safe_name(first)


def test_storing_again_replaces(tmp_path: Path) -> None:
    manager = FilesystemIOManager(tmp_path)
    context = build_output_context()
    manager.handle_output(context, 1)
    manager.handle_output(context, [2])
    assert manager.load_input(build_input_context(context)) == [2]


def test_a_failed_store_leaves_what_was_there_and_no_rest(tmp_path: Path) -> None:
    manager = FilesystemIOManager(tmp_path)
    context = build_output_context()
    manager.handle_output(context, 1)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        manager.handle_output(context, [1, lambda: 1])
    assert manager.load_input(build_input_context(context)) == 1
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_an_absent_output_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(
        OpweaveInvariantViolationError, match="does not exist: the step that writes it"
    ):
        FilesystemIOManager(tmp_path).load_input(build_input_context())


def test_where_a_value_was_stored_is_told(tmp_path: Path) -> None:
    context = build_output_context(run_id="r", step_key="s", name="n")
    FilesystemIOManager(tmp_path).handle_output(context, 1)
    assert context.logged_metadata["path"].value == str(tmp_path / "r" / "s" / "n")


@pytest.mark.parametrize("config", [{"base_dir": "DIRECTORY"}, {"base_dir": {"env": "STORE"}}, {}])
def test_the_resource_takes_its_directory_from_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    monkeypatch.setenv("STORE", str(tmp_path / "storage"))
    monkeypatch.setenv("OPWEAVE_HOME", str(tmp_path))
    if config.get("base_dir") == "DIRECTORY":
        config = {"base_dir": str(tmp_path / "storage")}

    @op
    def load() -> int:
        return 1

    @job(resource_defs={"io_manager": fs_io_manager})
    def daily() -> None:
        load()

    daily.execute_in_process({"resources": {"io_manager": {"config": config}}}, run_id="r")
    assert (tmp_path / "storage" / "r" / "load" / "result").is_file()


def test_the_default_directory_belongs_to_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_directory(tmp_path) == tmp_path / "storage"
    monkeypatch.setenv("OPWEAVE_HOME", str(tmp_path / "home"))
    assert default_directory() == tmp_path / "home" / "storage"
    monkeypatch.delenv("OPWEAVE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_directory() == tmp_path / ".opweave" / "storage"
