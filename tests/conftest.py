"""Fixtures that every tier of tests may use."""

from __future__ import annotations

import hypothesis
import pytest

import testbed

# A busy machine is slow, and that is no failure.
hypothesis.settings.register_profile("opweave", deadline=None)
hypothesis.settings.load_profile("opweave")


@pytest.fixture(scope="session")
def cluster() -> testbed.Cluster:
    """A real Kubernetes, brought up or reused; without one the tests that need it are skipped with the reason."""
    try:
        return testbed.provide()
    except testbed.Unavailable as unavailable:
        pytest.skip(str(unavailable))
