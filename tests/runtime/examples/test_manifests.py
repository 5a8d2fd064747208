"""The examples' manifests: generated where they should be, and accepted by a real API server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from support.local_instance import opweave

ROOT = Path(__file__).parents[3]
MANIFESTS = sorted((ROOT / "examples").glob("**/*.yaml"))
KINDS = ("codelocations", "jobs", "schedules", "sensors", "instances")


class Cluster(Protocol):
    """What the fixture ``cluster`` gives."""

    kubectl: Path
    kubeconfig: Path


def documents(path: Path) -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


def test_the_configmaps_are_up_to_date() -> None:
    """After a change to an example: `python examples/generate_configmaps.py`."""
    command = [sys.executable, str(ROOT / "examples" / "generate_configmaps.py"), "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_a_configmap_holds_its_sources_to_the_byte() -> None:
    directory = ROOT / "examples" / "penguins"
    (manifest,) = documents(directory / "manifests" / "configmap.yaml")

    assert {name: text.encode() for name, text in manifest["data"].items()} == {
        name: next(directory.rglob(name)).read_bytes() for name in manifest["data"]
    }


def test_locations_name_configmaps_and_keys_that_exist() -> None:
    found = [d for path in MANIFESTS for d in documents(path)]
    keys = {d["metadata"]["name"]: set(d["data"]) for d in found if d["kind"] == "ConfigMap"}
    sources = [d["spec"]["source"] for d in found if d["kind"] == "CodeLocation"]
    config_maps = [source["configMap"] for source in sources if "configMap" in source]

    assert len(config_maps) == 2
    assert [c for c in config_maps if c["key"] not in keys.get(c["name"], ())] == []


def test_jobs_and_schedules_name_what_exists() -> None:
    found = [d for path in MANIFESTS for d in documents(path)]
    names = {
        kind: {d["metadata"]["name"] for d in found if d["kind"] == kind}
        for kind in ("CodeLocation", "Job")
    }

    assert {d["spec"]["codeLocation"] for d in found if d["kind"] == "Job"} <= names["CodeLocation"]
    assert {d["spec"]["job"] for d in found if d["kind"] == "Schedule"} <= names["Job"]


@pytest.mark.cluster
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_api_server_accepts_the_manifest(path: Path, cluster: Cluster) -> None:
    """With strict validation, so that no field is unknown; nothing is stored."""
    accept(path, cluster)


@pytest.mark.cluster
def test_the_api_server_accepts_the_manifests_of_a_new_project(
    tmp_path: Path, cluster: Cluster
) -> None:
    """Rules included that only the API server checks."""
    done = opweave("project", "scaffold", "--name", "shop", "--directory", str(tmp_path / "shop"))
    assert done.returncode == 0, done.stderr
    accept(tmp_path / "shop" / "manifests", cluster)


def accept(path: Path, cluster: Cluster) -> None:
    """Let the API server check what *path* holds, without storing it."""
    command = [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig)]

    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=90
        )

    crds = kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    assert crds.returncode == 0, crds.stderr
    kubectl(
        *("wait", "--for=condition=Established", "--timeout=30s"),
        *(f"crd/{kind}.opweave.dev" for kind in KINDS),
    )

    done = kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-n", "default", "-f", str(path)
    )

    assert done.returncode == 0, done.stderr
