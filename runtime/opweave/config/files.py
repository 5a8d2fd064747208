"""Config from YAML files and texts, for code: several are one, of which later ones win."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from opweave import errors
from opweave.config.problems import shown


def config_from_files(config_files: Sequence[str]) -> dict[str, Any]:
    """Return the config that stands in *config_files*, YAML files or glob patterns; later ones win.

    Raises:
        OpweaveInvariantViolationError: A pattern names no file, or a file holds no mapping in YAML.
    """
    paths: list[str] = []
    for pattern in _texts(config_files, "config_files"):
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # patterns may be absolute
        if not found:
            raise errors.OpweaveInvariantViolationError(
                f"config_files names {pattern!r}, where there is no file (from {Path.cwd()})"
            )
        paths += found
    return _merged_all((path, _read(path)) for path in paths)


def config_from_yaml_strings(yaml_strings: Sequence[str]) -> dict[str, Any]:
    """Return the config that stands in *yaml_strings*; later ones win.

    Raises:
        OpweaveInvariantViolationError: One is no mapping in YAML.
    """
    texts = _texts(yaml_strings, "yaml_strings")
    return _merged_all((f"yaml_strings[{i}]", text) for i, text in enumerate(texts))


def _texts(values: Sequence[str], name: str) -> Sequence[str]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise errors.OpweaveInvariantViolationError(
            f"{name} is {shown(values)}: give a list of texts"
        )
    return values


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.OpweaveInvariantViolationError(
            f"the config file {path} cannot be read: {error}"
        ) from error


def _merged_all(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, text in texts:
        result = _merged(result, _parsed(name, text))
    return result


def _parsed(name: str, text: str) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise errors.OpweaveInvariantViolationError(f"{name} is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise errors.OpweaveInvariantViolationError(
            f"{name} holds {shown(content)}: it must hold a mapping"
        )
    return content


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = _merged(known, value)  # the merged value takes its place
        merged[key] = value
    return merged
