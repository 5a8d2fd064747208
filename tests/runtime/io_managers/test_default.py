"""Which I/O manager serves outputs that name none."""

from __future__ import annotations

from pathlib import Path

import pytest

from opweave import FilesystemIOManager
from opweave.io_managers.artifact import ArtifactIOManager
from opweave.io_managers.default import default_io_manager


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, FilesystemIOManager),
        (
            {"OPWEAVE_API_URL": "http://127.0.0.1:1", "OPWEAVE_ARTIFACTS": "files"},
            FilesystemIOManager,
        ),
        ({"OPWEAVE_API_URL": "http://127.0.0.1:1"}, ArtifactIOManager),
    ],
)
def test_the_environment_of_the_step_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: type
) -> None:
    attempt = {
        "OPWEAVE_RUN_ID": "0" * 26,
        "OPWEAVE_STEP_KEY": "load",
        "OPWEAVE_ATTEMPT": "1",
        "OPWEAVE_TOKEN": "t",
    }
    for name in ("OPWEAVE_API_URL", "OPWEAVE_ARTIFACTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**attempt, **environment}.items():
        monkeypatch.setenv(name, value)
    assert type(default_io_manager(tmp_path)) is expected
