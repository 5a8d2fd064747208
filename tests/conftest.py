"""Fixtures that every tier of tests may use."""

from __future__ import annotations

import pytest

import testbed


@pytest.fixture(scope="session")
def cluster() -> testbed.Cluster:
    """A real Kubernetes, brought up or reused; without one the tests that need it are skipped with the reason."""
    try:
        return testbed.provide()
    except testbed.Unavailable as unavailable:
        pytest.skip(str(unavailable))
