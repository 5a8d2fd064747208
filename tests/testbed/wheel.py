"""Builds the project's wheel when its sources have changed."""

import hashlib
import os
import shutil
import tempfile
import tomllib
from pathlib import Path

from testbed import archive, binaries, commands, layout

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
    backend = _build_backend()
    commands.say("building the wheel")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        commands.run(
            [
                *binaries.pip(),
                *("wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"),
                *("-w", scratch, layout.REPOSITORY),
            ],
            env={"PYTHONPATH": str(backend), "PYTHONDONTWRITEBYTECODE": "1"},
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


def _build_backend() -> Path:
    """Return a directory with the packages that pyproject.toml asks for to build the wheel."""
    project = tomllib.loads((layout.REPOSITORY / "pyproject.toml").read_text())
    requires = project["build-system"]["requires"]
    directory = layout.cache() / "build-backends" / archive.text_digest(*requires)
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=directory.parent))
        commands.run([*binaries.pip(), "install", "-q", "--target", scratch, *requires])
        scratch.rename(directory)
    return directory
