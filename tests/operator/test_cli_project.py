"""A new project runs at once: its own tests, its definitions, a launch; and its manifests fit the CRDs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from opweave_operator.adapters.local import manifest_schema, yaml_documents
from support.local_instance import (
    command_environment,
    opweave,
    start_instance,
    stop_instance,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("work") / "daily-sales"
    done = opweave("project", "scaffold", "--name", "daily-sales", "--directory", str(directory))
    assert done.returncode == 0, done.stderr
    return directory


def test_its_own_tests_pass(project: Path) -> None:
    """They are those that people change first."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=command_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_it_loads_and_a_run_succeeds(project: Path, tmp_path: Path) -> None:
    """With the config that lies beside it, as its README says."""
    checked = opweave("definitions", "validate", "-d", str(project))
    assert (0, True) == (checked.returncode, "1 code location loaded" in checked.stdout)
    instance = start_instance(tmp_path / "home", "-d", str(project))
    try:
        config = ("--config", str(project / "run.yaml"))
        done = instance.run("job", "launch", "daily_report", *config, "--follow", "-o", "json")
        assert "SUCCESS" == json.loads(done.stdout)["status"], done.stderr
    finally:
        stop_instance(instance)


def test_its_manifests_fit_the_kinds(project: Path) -> None:
    """Schema by schema, as `opweave dev` and the API server check them."""
    documents = [
        document
        for file in sorted((project / "manifests").iterdir())
        for document in yaml_documents.read(file)
    ]
    kinds = [document.content["kind"] for document in documents]
    assert ["CodeLocation", "Job", "Schedule"] == kinds
    for document, kind in zip(documents, kinds, strict=True):
        manifest_schema.check(document, kind)


def test_nothing_is_left_to_fill_in(project: Path) -> None:
    """Every placeholder is replaced, in names and in texts."""
    files = [path for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {".gitignore", "Dockerfile", "pyproject.toml", "values.yaml", "README.md"} <= {
        path.name for path in files
    }
    left = [
        str(path)
        for path in files
        for word in ("@name@", "@package@", "@version@")
        if word in str(path) or word in path.read_text(encoding="utf-8")
    ]
    assert [] == left


def test_nothing_is_overwritten(project: Path) -> None:
    """A directory that holds anything is left alone."""
    before = (project / "pyproject.toml").read_text(encoding="utf-8")
    done = opweave("project", "scaffold", "--name", "other", "--directory", str(project))
    assert (2, True) == (done.returncode, "nothing was written" in done.stderr)
    assert before == (project / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Shop", "lower case letters"),
        ("a" * 41, "at most 40 characters"),
        ("../shop", "lower case letters"),
        ("1shop", "a letter first"),
        ("shop-", "lower case letters"),
        ("class", "a word of Python"),
        ("json", "there is a module 'json' already"),
        ("opweave", "there is a module 'opweave' already"),
    ],
)
def test_a_name_that_would_not_work_is_refused(tmp_path: Path, name: str, told: str) -> None:
    """Before anything is written."""
    target = tmp_path / "new"
    done = opweave("project", "scaffold", "--name", name, "--directory", str(target))
    assert (2, True) == (done.returncode, told in done.stderr.replace("\n", " ")), done.stderr
    assert not target.exists()


def test_validate_tells_every_location_that_cannot_be_loaded(tmp_path: Path) -> None:
    """All of them at once, with tracebacks, and an exit code that scripts see."""
    (tmp_path / "good.py").write_text("from opweave import Definitions\ndefs = Definitions()\n")
    (tmp_path / "gone.py").write_text("import no_such_module\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    entries = "".join(f"  - python_file: {name}.py\n" for name in ("good", "gone", "empty"))
    (tmp_path / "workspace.yaml").write_text(f"load_from:\n{entries}")

    done = opweave("definitions", "validate", "-w", str(tmp_path / "workspace.yaml"))

    assert 1 == done.returncode
    assert "location good" in done.stdout
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stdout
    assert "empty.py defines no Definitions" in done.stdout
    assert "2 of 3 code locations cannot be loaded" in done.stderr


def test_validate_takes_the_name_of_the_definitions(tmp_path: Path) -> None:
    """As `opweave dev` does; a name without a single file or module is refused."""
    text = "from opweave import Definitions\none = Definitions()\ntwo = Definitions()\n"
    (tmp_path / "shop.py").write_text(text)
    file = ("definitions", "validate", "-f", str(tmp_path / "shop.py"))
    assert 1 == opweave(*file).returncode
    assert 0 == opweave(*file, "-a", "two").returncode
    refused = opweave("definitions", "validate", "-a", "two", "-d", str(tmp_path))
    assert (2, True) == (refused.returncode, "give exactly one with -f or -m" in refused.stderr)
