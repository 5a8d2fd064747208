"""Code locations from ``workspace.yaml``, from flags and from ``pyproject.toml``: the laptop's own ways to declare them.

Source: the form of ``workspace.yaml`` is Dagster's (``load_from`` with ``python_file``, ``python_module`` and
``python_package``), so that an existing file goes on working. ``code_server`` stands for its ``grpc_server``.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opweave_operator.adapters.local import yaml_documents
from opweave_operator.adapters.local.declarations import (
    DeclarationError,
    Declarations,
    LocalLocation,
)
from opweave_operator.adapters.local.worker_template import WorkerTemplate

_TARGETS = {
    "python_file": ("relative_path", "--file"),
    "python_module": ("module_name", "--module"),
    "python_package": ("package_name", "--package"),
}
"""Key of an entry: its main field, and the flag that passes it on."""
_KINDS = (*_TARGETS, "code_server")
_SERVER_FIELDS = {"host": str, "port": int, "location_name": str}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COMMON_FIELDS = {"attribute", "working_directory", "location_name", "executable_path"}


def from_file(
    path: Path, *, working_directory: Path, attribute: str | None = None
) -> LocalLocation:
    """Return the location of one Python file, named after it."""
    absolute = path.absolute()
    if not absolute.is_file():
        raise DeclarationError(f"-f {path}: there is no such file")
    return _location(
        name=absolute.stem,
        arguments=["--file", str(absolute), *_attribute(attribute)],
        working_directory=working_directory,
        watched=absolute,
        origin=f"-f {path}",
    )


def from_module(
    module: str, *, working_directory: Path, attribute: str | None = None
) -> LocalLocation:
    """Return the location of one module, named after it."""
    return _location(
        name=module,
        arguments=["--module", module, *_attribute(attribute)],
        working_directory=working_directory,
        watched=_module_path(module, working_directory),
        origin=f"-m {module}",
    )


def from_workspace(path: Path) -> Declarations:
    """Return the locations of a ``workspace.yaml``; paths in it are relative to its own directory.

    Raises:
        DeclarationError: The file is no workspace; the text names the entry.
    """
    documents = yaml_documents.read(path)
    content = documents[0].content if documents else {}
    if len(documents) > 1 or not isinstance(content, dict):
        raise DeclarationError(f"{path}: must hold one document with the key load_from")
    entries = content.get("load_from")
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        raise DeclarationError(f"{path}: load_from must be a list of {', '.join(_KINDS)}")
    return Declarations(
        locations=tuple(
            _entry(entry, f"{path}, load_from[{index}]", path.absolute().parent)
            for index, entry in enumerate(entries)
        )
    )


def from_pyproject(path: Path) -> Declarations:
    """Return the location that ``[tool.opweave]`` of a ``pyproject.toml`` names with ``module_name``, if it does.

    Raises:
        DeclarationError: The file is no TOML, or the table lacks a usable ``module_name``.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("opweave")
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{path}: cannot be read as TOML: {error}") from error
    if table is None:
        return Declarations()
    module = table.get("module_name") if isinstance(table, dict) else None
    if not isinstance(module, str):
        raise DeclarationError(
            f'{path}: [tool.opweave] needs module_name, as module_name = "shop.definitions"'
        )
    origin = f"{path}, [tool.opweave]"
    return Declarations(
        locations=(
            _location(
                name=str(table.get("code_location_name") or module),
                arguments=["--module", module],
                working_directory=path.absolute().parent,
                watched=_module_path(module, path.absolute().parent),
                origin=origin,
            ),
        )
    )


def discover(directory: Path) -> Declarations:
    """Return what *directory* declares by itself: its ``workspace.yaml``, else its ``pyproject.toml``.

    Raises:
        DeclarationError: It declares nothing.
    """
    if (directory / "workspace.yaml").is_file():
        return from_workspace(directory / "workspace.yaml")
    if (directory / "pyproject.toml").is_file():
        found = from_pyproject(directory / "pyproject.toml")
        if found.locations:
            return found
    raise DeclarationError(
        f"{directory} has no workspace.yaml and no pyproject.toml with [tool.opweave]: say what to load, "
        "as `opweave dev -f definitions.py`, `-m package.module` or `-f manifests.yaml`"
    )


def _entry(entry: Any, where: str, base: Path) -> LocalLocation:
    if isinstance(entry, dict) and "grpc_server" in entry:
        raise DeclarationError(_instead_of_grpc(entry["grpc_server"], where))
    if isinstance(entry, dict) and "autoload_defs_module" in entry:
        raise DeclarationError(
            f"{where}: autoload_defs_module is not supported yet. Gather the definitions of the module in one "
            "`defs = Definitions(...)` and write python_module with the module that holds it"
        )
    if not isinstance(entry, dict) or len(entry) != 1 or next(iter(entry)) not in _KINDS:
        raise DeclarationError(f"{where}: must have exactly one of {', '.join(_KINDS)}")
    if "code_server" in entry:
        return _server(entry["code_server"], f"{where}.code_server")
    kind, value = next(iter(entry.items()))
    main_field, flag = _TARGETS[kind]
    fields = {main_field: value} if isinstance(value, str) else value
    _check_fields(fields, main_field, f"{where}.{kind}")
    directory = base / fields.get("working_directory", ".")
    target = fields[main_field]
    watched = base / target if kind == "python_file" else _module_path(target, directory)
    if kind == "python_file" and not watched.is_file():  # type: ignore[union-attr]  # a path for files
        raise DeclarationError(f"{where}.{kind}: there is no file {watched}")
    return _location(
        name=fields.get("location_name")
        or (Path(target).stem if kind == "python_file" else target),
        arguments=[
            flag,
            str(base / target) if kind == "python_file" else target,
            *_attribute(fields.get("attribute")),
        ],
        working_directory=directory,
        watched=watched,
        origin=where,
        python=fields.get("executable_path"),
    )


def _server(fields: Any, where: str) -> LocalLocation:
    """Return the location of a code server that runs already, ``{host, port, location_name}``."""
    if not isinstance(fields, Mapping):
        raise DeclarationError(
            f"{where}: must be a mapping, as {{port: 4000, location_name: shop}}"
        )
    for name, value in fields.items():
        kind = _SERVER_FIELDS.get(name)
        if kind is None:
            known = ", ".join(_SERVER_FIELDS)
            raise DeclarationError(f"{where}: {name} is not a field; there are {known}")
        if type(value) is not kind:
            words = "a whole number" if kind is int else "a string"
            raise DeclarationError(f"{where}.{name}: must be {words}")
    host, port = fields.get("host", "localhost"), fields.get("port", 0)
    if not 0 < port < 65536:
        raise DeclarationError(f"{where}.port: is required, a number from 1 to 65535")
    if host not in _LOOPBACK:
        raise DeclarationError(
            f"{where}.host: {host!r} is another machine. Steps run where `opweave dev` runs, so its code server must be "
            "on this machine too; on a cluster a CodeLocation has an image of its own"
        )
    return LocalLocation(
        name=fields.get("location_name") or f"{host}-{port}".replace(":", "-").lstrip("-"),
        template=WorkerTemplate(python=sys.executable, arguments=()),
        origin=where,
        server_url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
    )


def _instead_of_grpc(fields: Any, where: str) -> str:
    """Return what to write in place of a ``grpc_server`` entry, with its own values."""
    given = fields if isinstance(fields, Mapping) else {}
    if "socket" in given:
        wanted = "{port: 4000, location_name: NAME}"
    else:
        kept = [f"{k}: {given[k]}" for k in ("host", "port", "location_name") if k in given]
        wanted = "{" + ", ".join(kept or ["port: 4000"]) + "}"
    return (
        f"{where}: grpc_server speaks another protocol. Start the code with `opweave code-server start -m MODULE --port PORT` "
        f"and write `code_server: {wanted}`, or let opweave start it: python_file, python_module or python_package"
    )


def _check_fields(fields: Any, main_field: str, where: str) -> None:
    if (
        not isinstance(fields, Mapping)
        or not isinstance(fields.get(main_field), str)
        or not fields[main_field]
    ):
        raise DeclarationError(f"{where}: {main_field} is required, a string")
    known = _COMMON_FIELDS | {main_field}
    for name, value in fields.items():
        if name not in known:
            raise DeclarationError(
                f"{where}: {name} is not a field; there are {', '.join(sorted(known))}"
            )
        if not isinstance(value, str):
            raise DeclarationError(f"{where}.{name}: must be a string")


def _location(
    *,
    name: str,
    arguments: list[str],
    working_directory: Path,
    watched: Path | None,
    origin: str,
    python: str | None = None,
) -> LocalLocation:
    directory = working_directory.absolute()
    if not directory.is_dir():
        raise DeclarationError(f"{origin}: the working directory {directory} does not exist")
    return LocalLocation(
        name=name,
        template=WorkerTemplate(
            python=_interpreter(python, directory, origin),
            arguments=(*arguments, "--working-directory", str(directory)),
            working_directory=str(directory),
        ),
        watched=watched,
        origin=origin,
    )


def _interpreter(python: str | None, directory: Path, origin: str) -> str:
    if python is None:
        return sys.executable
    path = directory / Path(python).expanduser()
    if not os.access(path, os.X_OK):
        raise DeclarationError(f"{origin}: executable_path {path} is not a program that can be run")
    return str(path)


def _attribute(attribute: str | None) -> list[str]:
    return ["--attribute", attribute] if attribute else []


def _module_path(module: str, directory: Path) -> Path | None:
    """Return where the module's text is, if it is below *directory*; an installed one is not watched."""
    path = directory.joinpath(*module.split("."))
    if path.is_dir():
        return path
    file = path.with_suffix(".py")
    return file if file.is_file() else None
