"""`custom_path_fs_io_manager`: files at the paths that outputs name."""

from __future__ import annotations

from pathlib import Path

import pytest

from opweave import (
    OpweaveExecutionHandleOutputError,
    OpweaveInvalidDefinitionError,
    Out,
    custom_path_fs_io_manager,
    job,
    op,
)


def test_an_output_lies_where_its_metadata_says(tmp_path: Path) -> None:
    seen = []

    @op(out=Out(metadata={"path": "daily/numbers"}))
    def numbers() -> int:
        return 5

    @op(out=Out(metadata={"path": "seen"}))
    def see(value: int) -> int:
        seen.append(value)
        return value

    @job(resource_defs={"io_manager": custom_path_fs_io_manager})
    def daily() -> None:
        see(numbers())

    config = {"resources": {"io_manager": {"config": {"base_dir": str(tmp_path)}}}}
    assert daily.execute_in_process(config).success
    assert seen == [5]
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"daily/numbers", "seen"}


@pytest.mark.parametrize("metadata", [{}, {"path": "../x"}, {"path": "/etc/x"}, {"path": 3}])
def test_a_path_must_be_given_and_stay_below_the_directory(
    tmp_path: Path, metadata: dict[str, object]
) -> None:
    @op(out=Out(metadata=metadata))
    def numbers() -> int:
        return 5

    @job(resource_defs={"io_manager": custom_path_fs_io_manager})
    def daily() -> None:
        numbers()

    config = {"resources": {"io_manager": {"config": {"base_dir": str(tmp_path / "below")}}}}
    with pytest.raises((OpweaveInvalidDefinitionError, OpweaveExecutionHandleOutputError)):
        daily.execute_in_process(config)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
