"""Code locations from workspace.yaml, flags and pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from opweave_operator.adapters.local import workspace
from opweave_operator.adapters.local.declarations import DeclarationError, Declarations


def load(tmp_path: Path, text: str) -> Declarations:
    (tmp_path / "hello.py").write_text("", encoding="utf-8")
    file = tmp_path / "workspace.yaml"
    file.write_text(text, encoding="utf-8")
    return workspace.from_workspace(file)


@pytest.mark.parametrize(
    ("entry", "name", "arguments"),
    [
        ("python_file: hello.py", "hello", ("--file", "{dir}/hello.py")),
        (
            "python_file: {relative_path: hello.py, attribute: defs, location_name: shop}",
            "shop",
            ("--file", "{dir}/hello.py", "--attribute", "defs"),
        ),
        ("python_module: pkg.defs", "pkg.defs", ("--module", "pkg.defs")),
        ("python_module: {module_name: pkg.defs}", "pkg.defs", ("--module", "pkg.defs")),
        ("python_package: {package_name: pkg}", "pkg", ("--package", "pkg")),
    ],
)
def test_reads_entries(tmp_path: Path, entry: str, name: str, arguments: tuple[str, ...]) -> None:
    """Each form of an entry becomes a location with the flags of its code server."""
    [location] = load(tmp_path, f"load_from:\n  - {entry}\n").locations

    expected = tuple(a.format(dir=tmp_path) for a in arguments)
    assert location.name == name
    assert location.template.arguments == (*expected, "--working-directory", str(tmp_path))
    assert location.template.python == sys.executable


def test_takes_a_single_entry(tmp_path: Path) -> None:
    """``load_from`` may be one entry instead of a list."""
    assert [loc.name for loc in load(tmp_path, "load_from: {python_file: hello.py}").locations] == [
        "hello"
    ]


def test_takes_another_interpreter_and_directory(tmp_path: Path) -> None:
    """A location may live in an environment of its own."""
    (tmp_path / "src").mkdir()
    text = f"load_from: [python_module: {{module_name: a, working_directory: src, executable_path: {sys.executable}}}]"

    [location] = load(tmp_path, text).locations

    assert location.template.python == sys.executable
    assert location.template.working_directory == str(tmp_path / "src")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must hold one document|load_from must be"),
        ("load_from: 3", "load_from must be a list"),
        ("load_from: [hello.py]", r"load_from\[0\]: must have exactly one of python_file"),
        ("load_from: [{python_file: hello.py, python_module: x}]", "exactly one of"),
        (
            "load_from: [python_file: nope.py]",
            r"load_from\[0\].python_file: there is no file .*nope.py",
        ),
        ("load_from: [python_file: {path: hello.py}]", "relative_path is required"),
        (
            "load_from: [python_module: {module_name: a, modulename: b}]",
            "modulename is not a field; there are attribute",
        ),
        (
            "load_from: [python_module: {module_name: a, attribute: 3}]",
            "attribute: must be a string",
        ),
        ("load_from: [python_module: {module_name: a, executable_path: nope}]", "is not a program"),
        ("load_from: [python_module: {module_name: a, working_directory: nope}]", "does not exist"),
        (
            "load_from: [grpc_server: {host: localhost, port: 4000, location_name: shop}]",
            "write `code_server: {host: localhost, port: 4000, location_name: shop}`",
        ),
        ("load_from: [grpc_server: {socket: /tmp/x}]", "code_server: {port: 4000, location_name"),
        (
            "load_from: [autoload_defs_module: {module_name: shop.defs}]",
            "autoload_defs_module is not supported yet.*write python_module",
        ),
        ("load_from: [code_server: 4000]", "must be a mapping, as {port: 4000"),
        ("load_from: [code_server: {port: '4000'}]", "port: must be a whole number"),
        ("load_from: [code_server: {host: localhost}]", "port: is required"),
        ("load_from: [code_server: {port: 70000}]", "from 1 to 65535"),
        ("load_from: [code_server: {port: 4000, ssl: true}]", "ssl is not a field; there are host"),
        ("load_from: [code_server: {host: shop.example, port: 4000}]", "is another machine"),
    ],
)
def test_tells_what_is_wrong_and_where(tmp_path: Path, text: str, told: str) -> None:
    """Each mistake names the file, the entry and the cure."""
    with pytest.raises(DeclarationError, match=told):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("entry", "name", "url"),
    [
        ("{port: 4000}", "localhost-4000", "http://localhost:4000"),
        ("{host: '::1', port: 4000}", "1-4000", "http://[::1]:4000"),
        ("{host: 127.0.0.1, port: 1, location_name: shop}", "shop", "http://127.0.0.1:1"),
    ],
)
def test_takes_a_code_server_that_runs_already(
    tmp_path: Path, entry: str, name: str, url: str
) -> None:
    """It has its place where a workspace had a server of another protocol."""
    [location] = load(tmp_path, f"load_from: [code_server: {entry}]").locations
    assert (name, url) == (location.name, location.server_url)


def test_discovers_what_a_directory_declares(tmp_path: Path) -> None:
    """workspace.yaml goes before pyproject.toml; a directory with neither is told what to do."""
    with pytest.raises(DeclarationError, match=r"opweave dev -f definitions\.py"):
        workspace.discover(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.opweave]\nmodule_name = "shop.defs"\n', encoding="utf-8"
    )
    assert [loc.name for loc in workspace.discover(tmp_path).locations] == ["shop.defs"]
    load(tmp_path, "load_from: [python_file: hello.py]")
    assert [loc.name for loc in workspace.discover(tmp_path).locations] == ["hello"]


def test_a_file_is_named_after_itself(tmp_path: Path) -> None:
    """``-f shop.py`` is the location ``shop``; a missing file is told at once."""
    (tmp_path / "shop.py").write_text("", encoding="utf-8")
    assert workspace.from_file(tmp_path / "shop.py", working_directory=tmp_path).name == "shop"
    with pytest.raises(DeclarationError, match="there is no such file"):
        workspace.from_file(tmp_path / "nope.py", working_directory=tmp_path)
