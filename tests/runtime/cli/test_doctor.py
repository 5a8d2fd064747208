"""The doctor finds what is wrong, and finds nothing where nothing is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from opweave._cli import doctor
from support.local_instance import Instance, opweave, start_instance, stop_instance

CRD_NAMES = [f"{plural}.opweave.dev" for plural in doctor.CRDS]


def test_a_healthy_instance_has_nothing_wrong(shop: Instance) -> None:
    """Every line says what was looked at."""
    done = shop.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout
    for told in (
        f"web reachable: {shop.url}",
        "web ready: its database answers",
        "ingest reachable, and refuses who has no token",
        "code location local/shop: 6 jobs",
    ):
        assert f"✓ {told}" in done.stdout


def test_what_is_wrong_is_told_and_ends_with_one(tmp_path: Path) -> None:
    """A location that cannot be loaded, with its error."""
    (tmp_path / "gone.py").write_text("import no_such_module\n")
    instance = start_instance(tmp_path / "home", "-f", str(tmp_path / "gone.py"))
    try:
        done = instance.run("doctor")
    finally:
        stop_instance(instance)
    assert done.returncode == 1
    assert "✗ code location local/gone: ImportFailed: ModuleNotFoundError" in done.stdout


def test_the_database_of_this_machine_is_looked_at(tmp_path: Path) -> None:
    """Tables of an older version are told with the cure; without a server too."""
    (tmp_path / "opweave.db").touch()
    home = {"OPWEAVE_HOME": str(tmp_path)}
    before = opweave("doctor", **home)
    assert before.returncode == 1
    assert "pending (0001" in before.stdout
    assert "run `opweave instance migrate`" in before.stdout
    assert opweave("instance", "migrate", **home).returncode == 0
    assert "✓ SQLite: tables are up to date" in opweave("doctor", **home).stdout


def kubectl(directory: Path, **answers: Any) -> None:
    """Put a kubectl into *directory* that answers with JSON by the kind that is asked for."""
    for kind, answer in answers.items():
        (directory / f"{kind}.json").write_text(json.dumps(answer), encoding="utf-8")
    program = directory / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "  *current-context*) echo lab ;;\n"
        f'  *) cat "{directory}/${{2%%.*}}.json" || exit 1 ;;\n'
        "esac\n"
    )
    program.chmod(0o755)


def crd(name: str, version: str = "v1alpha1") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"versions": [{"name": version, "served": True}]},
    }


def instance_object(**status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "opweave", "name": "default"}, "status": status}


READY = {"type": "Ready", "status": "True", "reason": "Serving", "message": "all well"}
NOT_READY = {"type": "Ready", "status": "False", "reason": "NotServed", "message": "nobody"}


@pytest.mark.parametrize(
    ("crds", "status", "told"),
    [
        (
            [crd(name) for name in CRD_NAMES],
            {"conditions": [READY]},
            [
                (True, "kubectl context lab"),
                (True, "the 5 kinds of opweave.dev/v1alpha1"),
                (True, "Instance opweave/default: Serving all well"),
            ],
        ),
        (
            [crd(CRD_NAMES[0], "v1"), *map(crd, CRD_NAMES[1:])],
            {"conditions": [NOT_READY]},
            [
                (True, "kubectl context lab"),
                (False, "kinds that do not serve v1alpha1: codelocations.opweave.dev; apply crds/"),
                (False, "Instance opweave/default: NotServed nobody"),
            ],
        ),
        (
            None,
            {},
            [
                (True, "kubectl context lab"),
                (False, "install the chart with them"),
                (False, "Instance opweave/default: no controller has looked at it"),
            ],
        ),
    ],
)
def test_the_cluster_is_looked_at_through_kubectl(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crds: list[dict[str, Any]] | None,
    status: dict[str, Any],
    told: list[tuple[bool, str]],
) -> None:
    """The context, the kinds in the version that we speak, and what each Instance says."""
    answers: dict[str, Any] = {"instances": {"items": [instance_object(**status)]}}
    if crds is not None:
        answers["customresourcedefinitions"] = {"items": crds}
    kubectl(tmp_path, **answers)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    found = list(doctor.cluster_findings(None))

    assert [(is_good, True) for is_good, _ in told] == [
        (finding.is_good, text in finding.text)
        for finding, (_, text) in zip(found, told, strict=True)
    ], found


def test_a_missing_kubectl_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else is asked."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [(False, "kubectl is not on the PATH")] == list(doctor.cluster_findings(None))
