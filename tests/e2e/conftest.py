"""opweave installed on the cluster, once per kind of database, and the location that goes wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import testbed
from support import runs
from support.installation import Installation, installed
from support.places import (
    BAD_NAMESPACE,
    EXAMPLES_NAMESPACE,
    FAULTS,
    NAMESPACE,
    QUOTA_NAMESPACE,
    WORK_NAMESPACE,
)


@pytest.fixture(scope="session")
def installation(cluster: testbed.Cluster) -> Iterator[Installation]:
    """The chart with its defaults: SQLite on a volume."""
    serving = (WORK_NAMESPACE, EXAMPLES_NAMESPACE, QUOTA_NAMESPACE, BAD_NAMESPACE)
    values = ("instance.spec.runQueue.maxConcurrentRuns=50",)
    with installed(cluster, NAMESPACE, *values, serving=serving) as release:
        yield release


@pytest.fixture(scope="session")
def faults(installation: Installation) -> runs.Location:
    """The location ``faults``, loaded and serving."""
    return runs.serve(installation, WORK_NAMESPACE, "faults", FAULTS.read_text())
