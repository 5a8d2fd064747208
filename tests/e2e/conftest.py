"""opweave installed on the cluster, once per kind of database, and the location that goes wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import testbed
from support import runs
from support.installation import Installation, installed

NAMESPACE = "opweave-e2e"
WORK_NAMESPACE = "opweave-e2e-work"
QUOTA_NAMESPACE = "opweave-e2e-quota"
BAD_NAMESPACE = "opweave-e2e-bad"
FAULTS = Path(__file__).parent / "locations" / "faults.py"


@pytest.fixture(scope="session")
def installation(cluster: testbed.Cluster) -> Iterator[Installation]:
    """The chart with its defaults: SQLite on a volume."""
    serving = (WORK_NAMESPACE, QUOTA_NAMESPACE, BAD_NAMESPACE)
    with installed(cluster, NAMESPACE, serving=serving) as release:
        yield release


@pytest.fixture(scope="session")
def faults(installation: Installation) -> Iterator[runs.Location]:
    """The location ``faults``, loaded and serving."""
    with runs.located(installation, WORK_NAMESPACE, "faults", FAULTS) as location:
        yield location
