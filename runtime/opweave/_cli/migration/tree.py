"""Which files of a project are migrated, and how a file becomes text and bytes again."""

from __future__ import annotations

import io
import os
import stat
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opweave._cli.migration import instance_file, python_source, text_files
from opweave._cli.migration.result import Migrated

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Nobody writes more by hand; what is larger was generated, and is told."""
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True, kw_only=True)
class FileChange:
    """A file that was looked at.

    Attributes:
        path: As it was found.
        before: Its text; empty when it could not be read.
        encoding: Of its bytes, ``utf-8-sig`` for UTF-8 with a byte order mark.
    """

    path: Path
    before: str
    encoding: str
    migrated: Migrated

    @property
    def target(self) -> Path:
        """Where the new text belongs."""
        return self.path.with_name(self.migrated.path) if self.migrated.path else self.path

    @property
    def is_changed(self) -> bool:
        """Whether anything would be written."""
        return self.migrated.text != self.before or self.target != self.path

    def write(self) -> None:
        """Write the new text in one move, keeping the file's rights, and take the old name away if it has another now."""
        data = self.migrated.text.encode(self.encoding)
        temporary = self.target.with_name(f".{self.target.name}.{os.getpid()}")
        temporary.write_bytes(data)
        temporary.chmod(stat.S_IMODE(self.path.stat().st_mode))
        temporary.replace(self.target)
        if self.target != self.path:
            self.path.unlink()


def migrated_files(root: Path) -> Iterator[FileChange]:
    """Yield every file below *root* that is one of a project and mentions Dagster, in order of their names.

    Links are never followed: what they lead to is either below *root* too, or not the project's own.
    """
    for path in [root] if root.is_file() else _files(root):
        found = _migrated(path)
        if found is not None:
            yield found


def _files(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        names[:] = sorted(
            name for name in names if name not in _LEFT_OUT and not _is_hidden_directory(name)
        )
        here = Path(directory)
        if here != root and (here / "pyvenv.cfg").exists():
            names[:] = []
            continue
        yield from (here / name for name in sorted(files) if not (here / name).is_symlink())


def _is_hidden_directory(name: str) -> bool:
    return name.startswith(".") and name not in {".github", ".devcontainer", ".docker"}


def _migrated(path: Path) -> FileChange | None:
    is_python = path.suffix in (".py", ".pyi")
    if not is_python and path.name != "dagster.yaml" and not text_files.is_known(path.name):
        return None
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES // 1024 // 1024
            return _left_alone(path, f"is larger than {limit} MiB, and was left alone")
        data = path.read_bytes()
        if not _mentions_dagster(path, data):
            return None
        encoding = _encoding_of(data, is_python)
        text = data.decode(encoding)
    except (OSError, SyntaxError, UnicodeDecodeError, LookupError) as error:
        return _left_alone(path, f"cannot be read, and was left alone: {error}")
    return FileChange(
        path=path, before=text, encoding=encoding, migrated=_of(path, text, is_python)
    )


def _mentions_dagster(path: Path, data: bytes) -> bool:
    # A workspace is Dagster's own file: it need not name it.
    return b"dagster" in data.lower() or b"dagit" in data or path.name == "workspace.yaml"


def _of(path: Path, text: str, is_python: bool) -> Migrated:
    if path.name == "dagster.yaml":
        migrated = instance_file.migrate(text)
        if migrated.path and path.with_name(migrated.path).exists():
            left = Migrated(text)
            left.find(
                1, "opweave.yaml is there already: it was left as it is, and so was this file"
            )
            return left
        return migrated
    if not is_python:
        return text_files.migrate(path.name, text) or Migrated(text)
    migrated = python_source.migrate(text)
    if path.name == "setup.py":
        requirements = text_files.migrate("requirements.txt", migrated.text)
        if requirements is not None:
            migrated.text = requirements.text
            migrated.renamed += requirements.renamed
    return migrated


def _encoding_of(data: bytes, is_python: bool) -> str:
    if data.startswith(_BYTE_ORDER_MARK):
        return "utf-8-sig"
    if not is_python:
        return "utf-8"
    return tokenize.detect_encoding(io.BytesIO(data).readline)[0]


def _left_alone(path: Path, why: str) -> FileChange:
    result = Migrated("")
    result.find(1, why)
    return FileChange(path=path, before="", encoding="utf-8", migrated=result)
