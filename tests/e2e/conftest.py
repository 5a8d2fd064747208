"""One installation of opweave on the cluster, shared by the end-to-end tests, with the location that goes wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import testbed
from support import runs
from support.installation import Installation, installed

NAMESPACE = "opweave-e2e"
WORK_NAMESPACE = "opweave-e2e-work"
FAULTS = Path(__file__).parent / "locations" / "faults.py"


@pytest.fixture(scope="session")
def installation(cluster: testbed.Cluster) -> Iterator[Installation]:
    """The chart with its defaults: SQLite on a volume, one operator for the whole cluster."""
    with installed(cluster, NAMESPACE) as release:
        yield release


@pytest.fixture(scope="session")
def faults(installation: Installation) -> Iterator[runs.Location]:
    """The location ``faults``, loaded and serving in a namespace of its own."""
    with runs.located(installation, WORK_NAMESPACE, "faults", FAULTS) as location:
        yield location
