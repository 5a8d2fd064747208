"""The settings of a laptop's instance, from opweave.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from opweave_operator import bootstrap
from opweave_operator.adapters.local import instance_file
from opweave_operator.adapters.local.declarations import DeclarationError
from opweave_operator.settings import LocalSettings


def write(directory: Path, text: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "opweave.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("place", ["home", "work"])
def test_the_settings_are_the_spec_of_an_instance(tmp_path: Path, place: str) -> None:
    """In the home of the instance or in the directory that is worked in."""
    write(tmp_path / place, "runQueue: {maxConcurrentRuns: 7}\n")
    (tmp_path / "work").mkdir(exist_ok=True)
    (tmp_path / "work" / "shop.py").write_text("")
    local = LocalSettings(
        home=tmp_path / "home",
        files=(tmp_path / "work" / "shop.py",),
        working_directory=tmp_path / "work",
    )

    found = bootstrap.declared(local)

    assert {"runQueue": {"maxConcurrentRuns": 7}} == found.instance
    assert ["shop"] == [location.name for location in found.locations]


def test_no_file_means_no_instance(tmp_path: Path) -> None:
    """Then what the database holds stays."""
    assert instance_file.load(tmp_path, tmp_path).instance is None


def test_a_file_that_was_only_renamed_goes_on_working(tmp_path: Path) -> None:
    """Settings of a dagster.yaml that have a meaning hold; the others are told."""
    write(
        tmp_path,
        "concurrency: {runs: {max_concurrent_runs: 3}}\n"
        "run_monitoring: {start_timeout_seconds: 60}\n"
        "telemetry: {enabled: false}\n",
    )

    found = instance_file.load(tmp_path, tmp_path)

    assert found.instance == {
        "runQueue": {"maxConcurrentRuns": 3},
        "runMonitoring": {"startTimeoutSeconds": 60},
    }
    [notice] = found.notices
    assert "opweave.yaml: telemetry: no effect here" in notice


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("runQueue: {maxConcurrentRuns: many}", "spec.runQueue.maxConcurrentRuns must be"),
        ("runQeue: {}", "runQeue is not a field; did you mean runQueue"),
        ("- a", "must hold one mapping"),
        ("a: [", "not YAML|cannot|expected|YAML"),
        ("run_queue: {max_concurrent_runs: many}", "spec.runQueue.maxConcurrentRuns must be"),
    ],
)
def test_a_mistake_is_told_with_its_field(tmp_path: Path, text: str, told: str) -> None:
    """Before anything starts."""
    write(tmp_path, text)
    with pytest.raises(DeclarationError, match=told):
        instance_file.load(tmp_path, tmp_path)


def test_two_files_are_refused(tmp_path: Path) -> None:
    """Nobody would know which one holds."""
    write(tmp_path / "home", "{}")
    write(tmp_path / "work", "{}")
    with pytest.raises(DeclarationError, match="both hold the settings"):
        instance_file.load(tmp_path / "home", tmp_path / "work")


def test_artifacts_that_a_laptop_cannot_reach_are_told(tmp_path: Path) -> None:
    """A claim is a cluster's; a bucket that speaks S3 is for everybody."""
    write(tmp_path, "artifacts: {sharedVolume: {claimName: values}}")
    (notice,) = instance_file.load(tmp_path, tmp_path).notices
    assert "artifacts.sharedVolume: no effect here" in notice
    write(tmp_path, "artifacts: {s3: {bucket: values}}")
    assert instance_file.load(tmp_path, tmp_path).notices == ()
