"""The public names, and what importing them costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import opweave
from opweave import planned

SOURCE = Path(opweave.__file__)
HEAVY = {
    "asyncio",
    "click",
    "email",
    "http",
    "importlib.metadata",
    "inspect",
    "json",
    "kopf",
    "kubernetes",
    "logging",
    "pathlib",
    "pydantic",
    "sqlalchemy",
    "urllib",
    "yaml",
}
HEAVY_FOR_A_STEP = HEAVY - {"inspect", "json", "pathlib", "urllib"} | {
    "difflib",
    "hashlib",
    "random",
    "traceback",
}


def loaded_after(code: str) -> set[str]:
    """Return the modules of a fresh interpreter that has run *code*."""
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SOURCE.parent.parent), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def exports(block: ast.If) -> list[ast.ImportFrom]:
    """Return the imports of opweave's own names in *block*."""
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return [node for node in imports if str(node.module).startswith("opweave.")]


def test_all_names_what_is_exported_to_type_checkers() -> None:
    tree = ast.parse(SOURCE.read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    names = [alias for node in exports(block) for alias in node.names]
    assert all(alias.asname == alias.name for alias in names)
    assert sorted([*(alias.name for alias in names), "__version__"]) == sorted(opweave.__all__)


def test_type_checkers_and_interpreters_find_a_name_in_the_same_module() -> None:
    tree = ast.parse(SOURCE.read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {a.name: node.module for node in exports(block) for a in node.names}
    assert told == opweave._MODULES


@pytest.mark.parametrize("name", opweave.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(opweave, name) is not None


def test_dir_lists_the_public_names() -> None:
    assert set(opweave.__all__) <= set(dir(opweave))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        opweave.nope  # noqa: B018


def test_a_misspelt_name_is_told_with_the_closest() -> None:
    with pytest.raises(AttributeError, match="did you mean Definitions"):
        opweave.Definitons  # noqa: B018


@pytest.mark.parametrize(
    "name", ["BackfillPolicy", "asset_sensor", "in_process_executor", "with_resources"]
)
def test_a_planned_name_says_so_however_it_is_looked_for(name: str) -> None:
    told = f"opweave.{name} is not supported yet: it is planned"
    with pytest.raises(AttributeError, match=told):
        getattr(opweave, name)
    with pytest.raises(ImportError, match=told):
        exec(f"from opweave import {name}", {})  # as users write it
    assert not hasattr(opweave, name)


def test_a_planned_name_does_not_exist_yet() -> None:
    names = {name for group in planned._NAMES.values() for name in group.split()}
    assert names & set(opweave.__all__) == set()


def test_type_checkers_accept_right_uses_and_refuse_wrong_ones() -> None:
    root = Path(__file__).parents[2]
    files = sorted(str(path) for path in (root / "tests" / "typing").glob("*.py"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *files],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, files != []) == (0, True), done.stdout + done.stderr


def test_importing_opweave_imports_little() -> None:
    assert loaded_after("import opweave") & HEAVY == set()


def test_a_step_of_a_plain_op_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from opweave import Definitions, job, op
from opweave.execution.step import run_attempt
from opweave.wire.attempt import AttemptSlice, StepSuccess

@op(config_schema={{"rows": int}})
def load(context) -> int:
    return context.op_config["rows"]

@job(resource_defs={{"io_manager": __import__("opweave").mem_io_manager}})
def daily():
    load()

slice_ = AttemptSlice(run_id="r", job="daily", step_key="load", attempt=1, op_path="load",
                      run_config={{"ops": {{"load": {{"config": {{"rows": 1}}}}}}}})
made = Definitions(jobs=[daily]).get_job_def("daily")
outcome = run_attempt(made, slice_, lambda *event: None, instance_directory=Path({str(tmp_path)!r}))
assert isinstance(outcome, StepSuccess), outcome
"""
    assert loaded_after(code) & HEAVY_FOR_A_STEP == set()
