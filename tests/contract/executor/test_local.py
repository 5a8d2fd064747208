"""The executor contract over local processes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.executor import suite
from opweave_operator import ports
from opweave_operator.adapters.local.executor import LocalExecutor
from opweave_operator.clock import SystemClock
from opweave_operator.core import model


@dataclass
class LocalHarness:
    """Runs the double with this interpreter."""

    executor: ports.Executor
    directory: Path

    def worker_template(self) -> dict[str, object]:
        """Return a template that finds the double before the runtime."""
        return {
            "python": sys.executable,
            "args": [],
            "workingDirectory": str(self.directory),
            "env": {"PYTHONPATH": str(self.directory)},
        }

    def location(self) -> model.LocationRef:
        """Return a location of this machine."""
        return model.LocationRef(namespace="local", name="contract")


@pytest.fixture
async def executor_harness(tmp_path: Path) -> AsyncIterator[suite.ExecutorHarness]:
    """Provide an executor over a home of its own."""
    directory = tmp_path / "double"
    directory.mkdir()
    shutil.copy(suite.STEP_DOUBLE, directory / "opweave.py")

    async def forget_digest(_: ports.AttemptRef, __: str) -> None:
        """Nobody asks for tokens here: the double reports to nobody."""

    async with LocalExecutor(
        home=tmp_path / "home",
        api_url="http://127.0.0.1:9",
        set_token_digest=forget_digest,
        clock=SystemClock(),
    ) as executor:
        yield LocalHarness(executor, directory)


class TestLocal(suite.ExecutorContract):
    """Every case over local processes."""
