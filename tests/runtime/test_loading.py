"""Loading a `Definitions` by pointer, and what is said when it cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opweave.loading import CodePointer, LoadError, UsageError, load_definitions

JOB = """\
from opweave import Definitions, job, op
@op
def one(): pass
@job
def first(): one()
@job
def second(): one()
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith("opweave.") and getattr(sys.modules[name], "__file__", None):
            file = str(sys.modules[name].__file__)
            if file.startswith(str(tmp_path)):
                del sys.modules[name]


def pointer(project: Path, text: str, attribute: str | None = None) -> CodePointer:
    (project / "shop.py").write_text(text)
    return CodePointer(
        kind="file", target="shop.py", attribute=attribute, working_directory=str(project)
    )


def names(at: CodePointer) -> list[str]:
    return [job.name for job in load_definitions(at).jobs]


def failure(at: CodePointer) -> LoadError:
    with pytest.raises(LoadError) as raised:
        load_definitions(at)
    return raised.value


def test_the_only_definitions_are_found_whatever_their_name(project: Path) -> None:
    """No attribute needs to be named while there is one."""
    assert names(pointer(project, JOB + "shop = Definitions(jobs=[first])\n")) == ["first"]


def test_defs_is_taken_among_several(project: Path) -> None:
    """The customary name decides."""
    text = JOB + "other = Definitions(jobs=[second])\ndefs = Definitions(jobs=[first])\n"
    assert names(pointer(project, text)) == ["first"]


def test_several_without_a_customary_name_are_listed(project: Path) -> None:
    """The error says which there are and how to choose."""
    error = failure(pointer(project, JOB + "a = Definitions()\nb = Definitions()\n"))
    assert error.reason == "NoDefinitions"
    assert "(a, b); name one by --attribute" in error.message


def test_jobs_alone_become_definitions(project: Path) -> None:
    """A file with jobs and nothing else serves all of them."""
    assert names(pointer(project, JOB)) == ["first", "second"]


@pytest.mark.parametrize("attribute", ["made", "first", "defined"])
def test_an_attribute_may_be_definitions_a_job_or_a_function(project: Path, attribute: str) -> None:
    """All three are what a person may mean."""
    text = JOB + "defined = Definitions(jobs=[first])\ndef made(): return defined\n"
    assert names(pointer(project, text, attribute)) == ["first"]


def test_an_attribute_that_is_missing_is_told_with_what_there_is(project: Path) -> None:
    """The public names of the module are shown."""
    error = failure(pointer(project, JOB, "dfes"))
    assert "has no attribute 'dfes'; it has: Definitions, first, job" in error.message


def test_an_attribute_of_the_wrong_kind_is_told(project: Path) -> None:
    """The error says what it is and what it must be."""
    error = failure(pointer(project, JOB + "number = 4\n", "number"))
    assert "'number' of file shop.py is a int; it must be a Definitions" in error.message


def test_nothing_to_serve_is_told_with_the_cure(project: Path) -> None:
    """An empty file is the first thing people try."""
    error = failure(pointer(project, "x = 1\n"))
    assert error.reason == "NoDefinitions"
    assert "add `defs = Definitions(jobs=[...])`" in error.message


def test_a_missing_module_is_told_with_the_users_line(project: Path) -> None:
    """Class, text, file and line in one line; only the user's frames in the traceback."""
    (project / "deep.py").write_text("\nimport no_such_module\n")
    error = failure(pointer(project, "import deep\n"))
    assert error.reason == "ImportFailed"
    assert error.message == "ModuleNotFoundError: No module named 'no_such_module'  (deep.py:2)"
    assert "shop.py" in error.traceback
    assert "loading.py" not in error.traceback
    assert "importlib" not in error.traceback


def test_a_syntax_error_names_its_line(project: Path) -> None:
    """Although no frame of the file exists."""
    assert failure(pointer(project, "x = 1\ndef (:\n")).message.endswith("(shop.py:2)")


def test_an_exit_at_import_is_a_failure_like_others(project: Path) -> None:
    """It does not end the process that loads."""
    error = failure(pointer(project, "import sys\nsys.exit(3)\n"))
    assert error.message.startswith("SystemExit: 3; code that opweave loads must not end")


def test_an_error_whose_text_raises_is_told(project: Path) -> None:
    """A hostile __str__ hides nothing."""
    text = "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n"
    assert failure(pointer(project, text)).message == "E: (its text cannot be shown)  (shop.py:3)"


def test_a_wrong_definition_has_its_own_reason(project: Path) -> None:
    """Two jobs of one name are the definitions' fault, not the import's."""
    text = JOB + "second.name\ndefs = Definitions(jobs=[first, first.graph.to_job(name='first')])\n"
    assert failure(pointer(project, text)).reason == "DefinitionInvalid"


def test_a_module_that_is_not_there_is_told_with_where_it_was_sought(project: Path) -> None:
    """The working directory is the usual mistake."""
    at = CodePointer(kind="module", target="no_shop.defs", working_directory=str(project))
    assert f"module no_shop.defs was looked for in {project}" in failure(at).message


@pytest.mark.parametrize(
    ("kind", "target", "text"),
    [("file", "gone.py", "there is no file"), ("file", "notes.txt", "must end in .py")],
)
def test_a_file_that_cannot_be_a_module_is_told(
    project: Path, kind: str, target: str, text: str
) -> None:
    """Missing, or not Python."""
    (project / "notes.txt").write_text("")
    at = CodePointer(kind=kind, target=target, working_directory=str(project))
    assert text in failure(at).message


def test_a_missing_working_directory_is_told(project: Path) -> None:
    """Before anything is imported."""
    at = CodePointer(kind="module", target="x", working_directory=str(project / "gone"))
    assert "does not exist; correct --working-directory" in failure(at).message


def test_modules_and_packages_are_found_in_the_working_directory(project: Path) -> None:
    """A package's own modules import each other as usual."""
    (project / "store").mkdir()
    (project / "store" / "__init__.py").write_text("from store.jobs import *\n")
    (project / "store" / "jobs.py").write_text(JOB)
    for kind, target in (("package", "store"), ("module", "store.jobs")):
        at = CodePointer(kind=kind, target=target, working_directory=str(project))
        assert names(at) == ["first", "second"]


def test_a_file_named_like_a_standard_module_hides_nothing(project: Path) -> None:
    """``json.py`` is loaded under another name."""
    (project / "json.py").write_text(JOB)
    at = CodePointer(kind="file", target="json.py", working_directory=str(project))
    assert names(at) == ["first", "second"]
    assert "opweave_file_json" in sys.modules


def test_the_command_line_names_one_target() -> None:
    """Short and long options, with and without an equals sign; the rest is handed back."""
    at, rest = CodePointer.parse(["-m", "shop", "--attribute=defs", "--port", "1"])
    assert at == CodePointer(kind="module", target="shop", attribute="defs")
    assert rest == ["--port", "1"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "exactly one of --module NAME, --file PATH and --package NAME; given: none of them"),
        (["--module", "a", "--file", "b"], "given: --module and --file"),
        (["--module"], "--module needs a value"),
        (["--module="], "needs a value that is not empty"),
        (["--module", "a", "-m", "b"], "given twice: 'a' and 'b'"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: list[str], text: str) -> None:
    """Each mistake has its own words."""
    with pytest.raises(UsageError, match=text.replace("(", r"\(")):
        CodePointer.parse(arguments)
