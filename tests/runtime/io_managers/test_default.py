"""Which I/O manager serves outputs that name none."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from opweave import FilesystemIOManager, build_input_context, build_output_context
from opweave.io_managers.artifact import ArtifactIOManager
from opweave.io_managers.default import default_io_manager
from opweave_aws.s3 import PickledObjectS3IOManager
from support.s3_server import running_s3


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


def test_a_directory_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPWEAVE_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPWEAVE_ARTIFACTS", json.dumps({"directory": str(tmp_path / "shared")}))
    manager = default_io_manager(tmp_path / "home")
    assert isinstance(manager, FilesystemIOManager)
    assert manager.base_dir == tmp_path / "shared"


def test_a_bucket_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("OPWEAVE_API_URL", "http://127.0.0.1:1")
    with running_s3() as url:
        bucket = {"bucket": "values", "prefix": "prod/", "endpoint": url, "region": "us-east-1"}
        monkeypatch.setenv("OPWEAVE_ARTIFACTS", json.dumps({"s3": bucket}))
        manager = default_io_manager()
        assert isinstance(manager, PickledObjectS3IOManager)
        with contextlib.closing(manager.s3) as client:
            client.create_bucket(Bucket="values")
            context = build_output_context(run_id="r", step_key="s", name="n")
            manager.handle_output(context, 3)
            stored = client.list_objects_v2(Bucket="values")["Contents"]
            assert [entry["Key"] for entry in stored] == ["prod/r/s/n"]
            assert manager.load_input(build_input_context(context)) == 3
