"""Namespaces of the end-to-end tests, and the code that they serve there."""

from __future__ import annotations

from pathlib import Path

NAMESPACE = "opweave-e2e"
WORK_NAMESPACE = "opweave-e2e-work"
EXAMPLES_NAMESPACE = "opweave-e2e-examples"
QUOTA_NAMESPACE = "opweave-e2e-quota"
BAD_NAMESPACE = "opweave-e2e-bad"
POSTGRES_NAMESPACE = "opweave-e2e-pg"
POSTGRES_WORK_NAMESPACE = "opweave-e2e-pg-work"

LOCATIONS = Path(__file__).parents[1] / "e2e" / "locations"
FAULTS = LOCATIONS / "faults.py"
