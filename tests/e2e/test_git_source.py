"""Code from a git repository: cloned in the user's pods, at one commit for the server and every step of a run."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from typing import Any

import pytest

import testbed
from support import git_server, runs
from support.installation import Installation, until
from support.places import LOCATIONS, WORK_NAMESPACE
from support.runs import Location

pytestmark = pytest.mark.cluster

GOOD: str = runpy.run_path(str(LOCATIONS / "bad_versions.py"))["GOOD"]
FILE = "team/definitions.py"


@pytest.fixture(scope="module")
def repository(
    cluster: testbed.Cluster,
    installation: Installation,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[git_server.GitRepository]:
    """A repository of this machine which pods can reach."""
    with git_server.served(tmp_path_factory.mktemp("git"), cluster.host_address) as served:
        yield served
    runs.forget(installation, WORK_NAMESPACE, "from-git", "from-branch", "no-such-ref")


def declare(installation: Installation, name: str, url: str, ref: str) -> Location:
    source = {"git": {"repository": url, "ref": ref, "path": "team"}, "file": "definitions.py"}
    installation.apply(
        {
            "apiVersion": "opweave.dev/v1alpha1",
            "kind": "CodeLocation",
            "metadata": {"name": name, "namespace": WORK_NAMESPACE},
            "spec": {"source": source},
        }
    )
    return Location(installation=installation, namespace=WORK_NAMESPACE, name=name)


def status(location: Location) -> dict[str, Any]:
    found = location.installation.get("owcl", location.name, "-n", location.namespace)
    return dict(found.get("status") or {})


def test_a_pinned_commit_runs_and_another_takes_its_place(
    repository: git_server.GitRepository, installation: Installation
) -> None:
    first = repository.commit({FILE: GOOD.format(value=1)})
    second = repository.commit({FILE: GOOD.format(value=2)})

    location = declare(installation, "from-git", repository.url, first)
    runs.wait_ready(installation, WORK_NAMESPACE, "from-git")
    old = location.succeed("only")
    assert status(location)["version"] == first[:7]
    declare(installation, "from-git", repository.url, second)
    until("the second commit to serve", lambda: status(location)["version"] == second[:7])

    assert location.output(old.id, "answer") == 1
    assert location.output(location.succeed("only").id, "answer") == 2


def test_a_branch_is_pinned_to_the_commit_that_was_loaded(
    repository: git_server.GitRepository, installation: Installation
) -> None:
    """A commit that is pushed later does not get into steps behind the server's back."""
    loaded = repository.commit({FILE: GOOD.format(value=3)})
    location = declare(installation, "from-branch", repository.url, "main")
    runs.wait_ready(installation, WORK_NAMESPACE, "from-branch")
    repository.commit({FILE: GOOD.format(value=4)})

    run = location.succeed("only")

    assert location.output(run.id, "answer") == 3
    assert status(location)["version"] == loaded[:7]


def test_a_ref_that_does_not_exist_is_named(
    repository: git_server.GitRepository, installation: Installation
) -> None:
    repository.commit({FILE: GOOD.format(value=5)})
    location = declare(installation, "no-such-ref", repository.url, "no-such-branch")

    def told() -> str | None:
        error = status(location).get("loadError")
        return str(error["message"]) if error else None

    assert "no-such-branch" in until("the load error", told, timeout_seconds=60)
