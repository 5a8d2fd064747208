"""What a step process does not pay for."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "http.client",
    "ssl",
    "email",
    "urllib.parse",
    "asyncio",
    "argparse",
    "click",
    "pydantic",
    "yaml",
    "logging",
)


def loaded(modules: str) -> set[str]:
    code = f"import sys, {modules}; print('\\n'.join(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    return set(output.decode().split())


def test_the_supervisor_imports_only_light_modules() -> None:
    """Every one of these would cost more than the whole of ours."""
    names = loaded("opweave.step_process.main, opweave.step_process.supervisor")
    assert names.isdisjoint(HEAVY)


def test_the_supervisor_never_loads_definitions() -> None:
    """User-facing modules belong to the worker."""
    names = loaded("opweave.step_process.main, opweave.step_process.supervisor")
    assert not [name for name in names if name.startswith(("opweave.definitions", "opweave.cli"))]
