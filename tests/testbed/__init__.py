"""A real Kubernetes for the tests, and the images that run on it.

Used in two ways: ``python -m testbed`` (with ``PYTHONPATH=tests``) by people and the Makefile, and ``provide`` by the
fixtures of the cluster tests. Standard library only, because it runs before any virtual environment exists.

Belongs here: starting, repairing and removing a cluster; building images without a registry. Does not belong here:
anything that knows what opweave does.
"""

from testbed.cluster import Cluster as Cluster
from testbed.cluster import provide as provide
from testbed.errors import Unavailable as Unavailable

__all__ = ["Cluster", "Unavailable", "provide"]
