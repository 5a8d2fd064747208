"""opweave installed on the cluster, once per kind of database, and the location that goes wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import testbed
from postgres import NOT_INSTALLED, PostgresServer, find_programs
from support import runs
from support.installation import Installation, installed
from support.places import (
    BAD_NAMESPACE,
    EXAMPLES_NAMESPACE,
    FAULTS,
    NAMESPACE,
    POSTGRES_NAMESPACE,
    POSTGRES_WORK_NAMESPACE,
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


@pytest.fixture(scope="session")
def reachable_postgres(cluster: testbed.Cluster) -> Iterator[PostgresServer]:
    """A PostgreSQL server of this machine which pods can reach."""
    programs = find_programs()
    if programs is None:
        pytest.skip(NOT_INSTALLED)
    with PostgresServer(programs, host=cluster.host_address) as server:
        yield server


@pytest.fixture(scope="session")
def on_postgres(
    cluster: testbed.Cluster, reachable_postgres: PostgresServer
) -> Iterator[runs.Location]:
    """The location ``faults`` in a second installation: PostgreSQL, and rights in one namespace only."""
    url = reachable_postgres.url(reachable_postgres.create_database())
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "database", "namespace": POSTGRES_NAMESPACE},
        "stringData": {"url": url},
    }
    values = ("database.existingSecret=database", "rbac.namespaced=true")
    with installed(
        cluster,
        POSTGRES_NAMESPACE,
        *values,
        serving=(POSTGRES_WORK_NAMESPACE,),
        secrets=(secret,),
    ) as release:
        yield runs.serve(release, POSTGRES_WORK_NAMESPACE, "faults", FAULTS.read_text())
