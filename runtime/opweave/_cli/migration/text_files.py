"""Rewrite files that are no Python: requirements, ``pyproject.toml``, Dockerfiles, shell, workspaces. Line by line.

Every rule keeps what it does not know; what it knows to have no counterpart is told with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath

from opweave._cli.migration import names
from opweave._cli.migration.result import Migrated

_VERSIONS = r"(?:\s*(?:[=<>!~]=?=?|@)\s*[^\s\"',;#\]]+(?:\s*,\s*[=<>!~]=?=?\s*[^\s\"',;#\]]+)*)?"
_REQUIREMENT = re.compile(
    r"(?P<before>^\s*|[\"']|(?<=\s))(?P<name>dagster(?:[-_][a-z0-9_-]+)?)(?P<extras>\[[^\]\"']*\])?"
    rf"(?P<versions>{_VERSIONS})(?P<after>\s*(?:[\"';#\\].*)?$|[\"']|(?=\s))"
)
_POETRY = re.compile(r"^(?P<name>dagster(?:-[a-z0-9-]+)?)(?P<equals>\s*=\s*)(?P<value>[\"'{].*)$")
_VARIABLE = re.compile(r"\bDAGSTER_HOME\b")
_OTHER_VARIABLE = re.compile(r"\bDAGSTER_(?!HOME\b)[A-Z0-9_]+\b")
_FILE_NAME = re.compile(r"(?<![\w-])dagster\.yaml\b")
_TABLE = re.compile(r"^\[tool\.dagster\]")
_DG_TABLE = re.compile(r"^\[tool\.dg\b")
_COMMAND = re.compile(
    r"(?<![\w./-])dagster(?P<gap>\s+|\",\s*\"|',\s*')(?P<verb>dev|job|run|instance|definitions|project)\b"
)
_DAEMON = re.compile(r"(?<![\w/.])dagster-(?:daemon|webserver|graphql)\b|\bdagit\b")
_GRPC = re.compile(r"(?<![\w/.])dagster(?:\s+|\",\s*\")(?:api\s+grpc|api\",\s*\"grpc|code-server)")
_CHART = re.compile(r"^(?:dagsterWebserver|dagsterDaemon|dagster-user-deployments|dagit)\s*:")

_DISTRIBUTIONS = {
    "dagster": "opweave",
    "dagster-webserver": "opweave[operator]",
    "dagit": "opweave[operator]",
}

_INSTALL = re.compile(r"\b(?:install|add)\b")

Rule = Callable[[str, int, Migrated], str]


def migrate(name: str, text: str) -> Migrated | None:
    """Return *text* of the file *name* after the rename; None when such a file is none of ours."""
    rules = _rules_for(PurePath(name))
    if not rules:
        return None
    result = Migrated(text)
    if "dagster" not in text.lower() and "dagit" not in text and _workspace not in rules:
        return result
    lines = re.split(r"(\r\n|\r|\n)", text)
    has_commands = _commands in rules
    is_install = False
    for index in range(0, len(lines), 2):
        line = lines[index]
        is_install = is_install or _INSTALL.search(line) is not None
        # Among commands, a name is a requirement only behind `install`, on that line or on those that continue it.
        left_out = (_commands if is_install else _requirements) if has_commands else None
        for rule in rules:
            if rule is not left_out:
                lines[index] = rule(lines[index], index // 2 + 1, result)
        is_install = is_install and line.rstrip().endswith("\\")
    result.text = "".join(lines)
    return result


def is_known(name: str) -> bool:
    """Return whether a file of that name is rewritten."""
    return bool(_rules_for(PurePath(name)))


def _rules_for(path: PurePath) -> tuple[Rule, ...]:
    name = path.name.lower()
    if name == "pyproject.toml":
        return (_tables, _poetry, _requirements, _variables)
    if name in ("setup.cfg", "pipfile", "tox.ini", "environment.yml", "environment.yaml"):
        return (_poetry, _requirements, _variables)
    if re.fullmatch(r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)", name):
        return (_requirements,)
    if name.startswith(("dockerfile", "containerfile")) or name.endswith(".dockerfile"):
        return (_requirements, _commands, _variables)
    if name in ("makefile", "justfile", "procfile") or path.suffix in (".sh", ".bash", ".env"):
        return (_requirements, _commands, _variables)
    if name.startswith(".env") or re.fullmatch(r"(?:docker-)?compose.*\.ya?ml", name):
        return (_commands, _variables)
    if name == "workspace.yaml":
        return (_workspace, _variables)
    if re.fullmatch(r".*values.*\.ya?ml", name):
        return (_chart,)
    return ()


def _requirements(line: str, number: int, result: Migrated) -> str:
    if line.lstrip().startswith("#"):
        return line

    def instead(match: re.Match[str]) -> str:
        old = match["name"].replace("_", "-")
        new = _DISTRIBUTIONS.get(old)
        if new is None and names.module(old.replace("-", "_")) is not None:
            new = "opweave"
        if new is None:
            result.find(number, f"{old} has no counterpart in opweave; keep it or remove it")
            return match[0]
        result.renamed["requirements"] += 1
        return f"{match['before']}{new}{match['after']}"

    return _REQUIREMENT.sub(instead, line)


def _poetry(line: str, number: int, result: Migrated) -> str:
    match = _POETRY.match(line)
    if match is None:
        return line
    new = _DISTRIBUTIONS.get(match["name"])
    if new is None:
        result.find(number, f"{match['name']} has no counterpart in opweave; keep it or remove it")
        return line
    result.renamed["requirements"] += 1
    if new == "opweave":
        return f'opweave{match["equals"]}"*"'
    return f'opweave{match["equals"]}{{version = "*", extras = ["operator"]}}'


def _tables(line: str, number: int, result: Migrated) -> str:
    if _DG_TABLE.match(line):
        result.find(number, "[tool.dg] belongs to Dagster's dg; [tool.opweave] takes module_name")
    if not _TABLE.match(line):
        return line
    result.renamed["tables"] += 1
    return _TABLE.sub("[tool.opweave]", line)


def _variables(line: str, number: int, result: Migrated) -> str:
    for other in _OTHER_VARIABLE.findall(line):
        result.find(number, f"{other} is a variable that opweave does not read under the rename")
    line, count = _VARIABLE.subn("OPWEAVE_HOME", line)
    result.renamed["environment names"] += count
    line, count = _FILE_NAME.subn("opweave.yaml", line)
    result.renamed["file names"] += count
    return line


def _commands(line: str, number: int, result: Migrated) -> str:
    if line.lstrip().startswith("#"):
        return line
    if _GRPC.search(line):
        result.find(
            number,
            "a gRPC code server is `opweave code-server start` on a laptop, and a CodeLocation on a cluster",
        )
        return line
    if _DAEMON.search(line):
        result.find(
            number,
            "there is no daemon and no web server to start apart: `opweave dev`, or the chart, runs both",
        )
    line, count = _COMMAND.subn(r"opweave\g<gap>\g<verb>", line)
    result.renamed["commands"] += count
    return line


def _workspace(line: str, number: int, result: Migrated) -> str:
    if re.search(r"^\s*-?\s*grpc_server\s*:", line):
        result.find(
            number,
            "grpc_server: write code_server: {host, port, location_name}, or python_file or python_module",
        )
    if re.search(r"^\s*-?\s*autoload_defs_module\s*:", line):
        result.find(
            number,
            "autoload_defs_module is not supported yet: gather the definitions in one Definitions and write python_module",
        )
    return line


def _chart(line: str, number: int, result: Migrated) -> str:
    if _CHART.match(line):
        result.find(
            number,
            "values of Dagster's chart: opweave's charts/opweave has others; each user deployment becomes a CodeLocation "
            "with source.image",
        )
    return line
