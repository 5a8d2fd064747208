"""Run config from files and flags, with the line and column of every key, so that a mistake is shown where it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml

from opweave._cli.failures import CommandFailed, ConfigInvalid
from opweave._cli.style import safe_line

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_VALUES = 200_000
"""Values in one file after its aliases are written out."""

config_option = click.option(
    "-c",
    "--config",
    "config_files",
    multiple=True,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Run config, YAML or JSON; may be repeated, later ones win; - reads standard input.",
)
config_json_option = click.option(
    "--config-json", "config_texts", multiple=True, metavar="JSON", help="Run config as JSON text."
)

MAX_DEPTH = 100
"""Levels of a file; no job's config is nested so deep, and a value that holds itself is."""

Place = tuple[int, int]
"""Line and column, from 1."""


class _Loader(yaml.SafeLoader):
    """YAML without its dates: a run config is JSON, where a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSource:
    """One file or flag with run config; *places* has where each path's key stands."""

    name: str
    content: Mapping[str, Any]
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfigInput:
    """The run config of a command: its sources in order, a later one over an earlier one."""

    sources: tuple[ConfigSource, ...] = ()

    @property
    def content(self) -> dict[str, Any] | None:
        """All sources as one; None when there is none, which means the job's own."""
        if not self.sources:
            return None
        merged: dict[str, Any] = {}
        for source in self.sources:
            merged = _merged(merged, source.content)
        return merged

    def describe(self, problems: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return a line for each of *problems* (``path`` and ``message``) that begins with its place."""
        located = [(self._place(p["path"]), ".".join(p["path"]), p["message"]) for p in problems]
        width = max((len(place) for place, _, _ in located), default=0)
        return [
            "  ".join(
                [place.ljust(width), *([safe_line(path)] if path else []), safe_line(message)]
            )
            for place, path, message in located
        ]

    def _place(self, path: Sequence[str]) -> str:
        """Return ``file:line:column`` of the key, or the file that is closest to it when the key is what is missing."""
        wanted = tuple(path)
        for source in reversed(self.sources):
            if wanted in source.places:
                line, column = source.places[wanted]
                return f"{source.name}:{line}:{column}"
        return self.sources[-1].name if self.sources else "run config"


def read(files: Sequence[Path], texts: Sequence[str] = ()) -> RunConfigInput:
    """Return the config of *files* (YAML or JSON) and then of *texts* (JSON), of which later ones win.

    Raises:
        ConfigInvalid: One is no mapping, or is not YAML or JSON.
        CommandFailed: One cannot be read.
    """
    sources = [_from_file(path) for path in files]
    sources.extend(_from_json("--config-json", text) for text in texts)
    return RunConfigInput(sources=tuple(sources))


def refuse(
    problems: RunConfigInput, errors: Sequence[Mapping[str, Any]], hint: str
) -> ConfigInvalid:
    """Return the error that shows all *errors* at their places; *hint* says what to do next."""
    count = f"{len(errors)} error{'s' if len(errors) != 1 else ''}"
    return ConfigInvalid("\n".join([*problems.describe(errors), f"{count}; {hint}"]))


def _from_file(path: Path) -> ConfigSource:
    try:
        if str(path) == "-":
            text = sys.stdin.read(MAX_FILE_BYTES + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_FILE_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"--config {path} cannot be read: {error}") from error
    if len(text) > MAX_FILE_BYTES:
        raise ConfigInvalid(f"{path}  is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    if path.suffix.lower() == ".json":
        return _from_json(str(path), text)
    return _from_yaml("stdin" if str(path) == "-" else str(path), text)


def _from_json(name: str, text: str) -> ConfigSource:
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigInvalid(
            f"{name}:{error.lineno}:{error.colno}  is not JSON: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(f"{name}  is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ConfigInvalid(f"{name}  must hold a mapping with ops, resources, ...")
    # YAML understands nearly all of JSON; where it does not, only the places are lost.
    try:
        places = _from_yaml(name, text).places
    except ConfigInvalid:
        places = {}
    return ConfigSource(name=name, content=content, places=places)


def _from_yaml(name: str, text: str) -> ConfigSource:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return ConfigSource(name=name, content={})
        if not isinstance(root, yaml.MappingNode):
            raise ConfigInvalid(f"{name}  must hold a mapping with ops, resources, ...")
        places = _places(root, name)
        content = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigInvalid(f"{where}  is not YAML: {error.problem or error}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigInvalid(f"{name}  is not YAML: {error}") from error
    finally:
        loader.dispose()
    return ConfigSource(name=name, content=content, places=places)


def _places(root: yaml.Node, name: str) -> dict[tuple[str, ...], Place]:
    """Return where each key and list item stands; refuse what JSON could not hold."""
    places: dict[tuple[str, ...], Place] = {}
    stack: list[tuple[tuple[str, ...], yaml.Node]] = [((), root)]
    left = MAX_VALUES
    while stack:
        path, node = stack.pop()
        left -= 1
        if left < 0 or len(path) > MAX_DEPTH:
            raise ConfigInvalid(
                f"{_at(node, name)}  is too much: at most {MAX_VALUES} values, {MAX_DEPTH} levels deep"
            )
        if isinstance(node, yaml.MappingNode):
            for key, value in _entries(node, path, name):
                mark = key.start_mark
                places[(*path, key.value)] = (mark.line + 1, mark.column + 1)
                stack.append(((*path, key.value), value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                places[(*path, str(index))] = (
                    value.start_mark.line + 1,
                    value.start_mark.column + 1,
                )
                stack.append(((*path, str(index)), value))
        elif node.tag == "tag:yaml.org,2002:float" and node.value.lower().lstrip("+-") in (
            ".nan",
            ".inf",
        ):
            raise ConfigInvalid(
                f"{_at(node, name)}  {node.value} is not a number that JSON can hold"
            )
        elif node.tag == "tag:yaml.org,2002:binary":
            raise ConfigInvalid(
                f"{_at(node, name)}  binary values cannot be run config; write them as a text"
            )
    return places


def _entries(
    node: yaml.MappingNode, path: tuple[str, ...], name: str
) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    seen: set[str] = set()
    entries: list[tuple[yaml.ScalarNode, yaml.Node]] = []
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue  # the anchor's own place tells where its keys stand
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            shown = key.value if isinstance(key, yaml.ScalarNode) else "this"
            raise ConfigInvalid(f"{_at(key, name)}  {shown} is no text; put the key into quotes")
        if key.value in seen:
            where = ".".join((*path, key.value))
            raise ConfigInvalid(f"{_at(key, name)}  {where}  is written twice; remove one of them")
        seen.add(key.value)
        entries.append((key, value))
    return entries


def _at(node: yaml.Node, name: str) -> str:
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(known, value) if both else value  # type: ignore[arg-type]  # both are mappings then
    return merged


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON can hold")
