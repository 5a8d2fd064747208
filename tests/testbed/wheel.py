"""Builds the project's wheel when its sources have changed."""

import hashlib
import os
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from testbed import archive, binaries, commands, layout
from testbed.errors import TestbedError

# Whatever may end up in the wheel; a file too many costs a build of two seconds, one too few a stale image.
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "runtime", "operator", "crds", "charts")
_NOT_SOURCES = {"__pycache__", "node_modules", ".venv", "ui"}


def sources_digest() -> str:
    """Return a digest of all that the wheel is built from."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        top = layout.REPOSITORY / name
        for file in [top] if top.is_file() else sorted(_files_below(top)):
            digest.update(str(file.relative_to(layout.REPOSITORY)).encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def build() -> Path:
    """Return the wheel of the sources as they are now; built unless the cache has it."""
    directory = layout.cache() / "wheels" / sources_digest()
    found = sorted(directory.glob("opweave-*.whl"))
    if found:
        return found[0]
    commands.say("building the wheel")
    directory.parent.mkdir(parents=True, exist_ok=True)
    build_system = _build_system()
    backend = _installed(build_system["requires"])
    # The standard's way into a build backend; pip would come to the same call, two seconds later.
    call = f"import {build_system['build-backend']} as b, sys; b.build_wheel(sys.argv[1])"
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        commands.run(
            [binaries.pip()[0], "-c", call, scratch],
            cwd=layout.REPOSITORY,
            env={
                "PYTHONPATH": str(backend),
                "PYTHONDONTWRITEBYTECODE": "1",
                "OPWEAVE_BUILD_UI": "as-is",
            },
        )
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(scratch, directory)
    return next(directory.glob("opweave-*.whl"))


def _files_below(top: Path) -> list[Path]:
    found = []
    for parent, directories, files in os.walk(top):
        directories[:] = [d for d in directories if d not in _NOT_SOURCES and not d.startswith(".")]
        found += [Path(parent) / file for file in files]
    return found


def _build_system() -> dict[str, Any]:
    try:
        project = tomllib.loads((layout.REPOSITORY / "pyproject.toml").read_text())
    except tomllib.TOMLDecodeError as error:
        raise TestbedError(f"pyproject.toml: {error}") from error
    system: dict[str, Any] = project["build-system"]
    return system


def _installed(requires: list[str]) -> Path:
    """Return a directory with the packages *requires*."""
    directory = layout.cache() / "build-backends" / archive.text_digest(*requires)
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=directory.parent))
        commands.run([*binaries.pip(), "install", "-q", "--target", scratch, *requires])
        scratch.rename(directory)
    return directory
