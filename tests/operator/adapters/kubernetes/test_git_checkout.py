"""The program that clones inside a pod, with the real git over real HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from opweave_operator.adapters.kubernetes.manifests import git_checkout
from support import git_server

SOMEBODY_ELSE = 65_534


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[git_server.GitRepository]:
    """A repository on the loopback."""
    with git_server.served(tmp_path, "127.0.0.1") as served:
        yield served


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty directory which, like a pod's volume, belongs to somebody else."""
    made = tmp_path / "code"
    made.mkdir(mode=0o777)
    if os.geteuid() == 0:
        os.chown(made, SOMEBODY_ELSE, SOMEBODY_ELSE)
    return made


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The termination message of the container."""
    file = tmp_path / "termination-log"
    monkeypatch.setattr(git_checkout, "TERMINATION_LOG", file)
    return file


def check_out(repository: git_server.GitRepository, ref: str, directory: Path) -> None:
    git_checkout.main(
        [f"--repository={repository.url}", f"--ref={ref}", f"--directory={directory}"]
    )


@pytest.mark.parametrize("ref", ["", "main", "COMMIT"])
def test_a_ref_is_checked_out_and_its_commit_told(
    repository: git_server.GitRepository, directory: Path, told: Path, ref: str
) -> None:
    commit = repository.commit({"definitions.py": "defs = 1\n"})

    check_out(repository, commit if ref == "COMMIT" else ref, directory)

    assert (directory / "definitions.py").read_text() == "defs = 1\n"
    assert told.read_text() == commit


def test_a_commit_that_is_no_longer_the_newest_is_checked_out(
    repository: git_server.GitRepository, directory: Path, told: Path
) -> None:
    older = repository.commit({"definitions.py": "defs = 1\n"})
    repository.commit({"definitions.py": "defs = 2\n"})

    check_out(repository, older, directory)

    assert (directory / "definitions.py").read_text() == "defs = 1\n"


def test_checking_out_again_does_no_harm(
    repository: git_server.GitRepository,
    directory: Path,
    told: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The kubelet starts a container again that failed, was killed at work, or whose end it has not seen."""
    repository.commit({"definitions.py": "defs = 1\n"})

    check_out(repository, "main", directory)
    (directory / ".git" / "shallow.lock").touch()
    (directory / "of-an-older-commit.py").touch()
    (directory / "link").symlink_to(told.parent)
    check_out(repository, "main", directory)

    assert sorted(path.name for path in directory.iterdir()) == [".git", "definitions.py"]
    assert told.exists()
    assert capfd.readouterr().err == ""


def test_a_ref_that_does_not_exist_is_named(
    repository: git_server.GitRepository,
    directory: Path,
    told: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    repository.commit({"definitions.py": "defs = 1\n"})

    with pytest.raises(SystemExit, match="ref nowhere, failed"):
        check_out(repository, "nowhere", directory)

    assert "nowhere" in capfd.readouterr().err
    assert not told.exists()
