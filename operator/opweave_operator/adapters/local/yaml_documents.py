"""YAML files as lists of documents that know where they stand, bounded before anything is built from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from opweave_operator.adapters.local.declarations import DeclarationError

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_NODES = 200_000
"""Values in one document after its aliases are written out: far above any manifest, far below what hurts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file; *number* counts from 1, as people do."""

    path: Path
    number: int
    content: Any

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.path}, document {self.number}"


def read(path: Path) -> list[Document]:
    """Return the documents of the file, empty ones left out.

    Raises:
        DeclarationError: It cannot be read, is no YAML, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise DeclarationError(f"{path}: is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    return list(_documents(path, data))


def _documents(path: Path, data: bytes) -> Iterator[Document]:
    number = 0
    try:
        for content in yaml.load_all(
            data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        ):  # safe
            number += 1
            if content is not None:
                document = Document(path=path, number=number, content=content)
                _check_size(document)
                yield document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise DeclarationError(f"{where}: is not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DeclarationError(f"{path}, document {number + 1}: is not YAML: {error}") from error


def _check_size(document: Document) -> None:
    """Refuse a document whose aliases blow it up, or that holds itself."""
    left = MAX_NODES
    stack = [document.content]
    while stack:
        value = stack.pop()
        left -= 1
        if left < 0:
            raise DeclarationError(
                f"{document.place}: holds more than {MAX_NODES} values; split it"
            )
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
