"""Config from YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from opweave import (
    OpweaveInvariantViolationError,
    config_from_files,
    config_from_yaml_strings,
)


def test_texts_are_merged_at_every_level_and_later_ones_win() -> None:
    made = config_from_yaml_strings(["a: {b: 1}", "a: {c: [2]}", "a: {b: 3}", ""])
    assert made == {"a": {"b": 3, "c": [2]}}
    assert config_from_yaml_strings([]) == {}


def test_files_are_found_by_patterns_and_merged_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, text in {"b.yaml": "x: 2", "a.yaml": "x: 1\ny: 1", "last.yml": "y: 9"}.items():
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / "*.yaml"), str(tmp_path / "last.yml")]
    assert config_from_files(paths) == {"x": 2, "y": 9}


def test_a_pattern_without_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpweaveInvariantViolationError, match=r"nope.*there is no file"):
        config_from_files([str(tmp_path / "nope*.yaml")])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", r"yaml_strings\[1\] is not YAML"),
        ("[1]", r"\[1\] holds list"),
        ("!!python/object:os.system {}", "is not YAML"),
    ],
)
def test_what_is_no_mapping_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(OpweaveInvariantViolationError, match=told):
        config_from_yaml_strings(["a: 1", text])


def test_one_text_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(OpweaveInvariantViolationError, match="give a list"):
        config_from_yaml_strings("a: 1")


def test_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpweaveInvariantViolationError, match="cannot be read"):
        config_from_files([str(tmp_path)])
