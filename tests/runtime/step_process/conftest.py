"""Makes `ingest_double` and `step_runs` importable and gives each test its own ingest and its own step runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ingest_double import IngestDouble
from step_runs import StepRuns


@pytest.fixture
def ingest() -> Iterator[IngestDouble]:
    double = IngestDouble()
    double.up()
    yield double
    double.down()
    assert double.violations == []


@pytest.fixture
def steps(ingest: IngestDouble, tmp_path: Path) -> Iterator[StepRuns]:
    runs = StepRuns(ingest, tmp_path)
    yield runs
    runs.close()
