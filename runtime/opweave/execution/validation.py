"""Checking a run config without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.definitions.job import JobDefinition
from opweave.definitions.run_config import RunConfig


def validate_run_config(
    job_def: JobDefinition, run_config: RunConfig | Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return *run_config* with every default filled in, references to the environment kept.

    Raises:
        OpweaveInvalidConfigError: With every problem.
    """
    return job_def.complete_run_config(run_config)
