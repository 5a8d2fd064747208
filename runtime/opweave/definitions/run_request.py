"""What a schedule or sensor asks for: runs, or nothing and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import run_config as run_configs
from opweave.definitions import unsupported

if TYPE_CHECKING:
    from opweave.definitions.run_config import RunConfig


class RunRequest:
    """A run that a schedule or sensor asks for.

    Args:
        run_key: A schedule or sensor launches one run for each key, for ever; None launches a run each time.
        run_config: Of the run, as a mapping or a `RunConfig`.
        tags: Of the run; values become texts.
        job_name: Which job, where the schedule or sensor has several.
    """

    def __init__(
        self,
        run_key: str | None = None,
        run_config: RunConfig | Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        job_name: str | None = None,
        asset_selection: object = None,
        stale_assets_only: bool = False,
        partition_key: str | None = None,
        asset_check_keys: object = None,
    ) -> None:
        unsupported.refuse(
            "RunRequest",
            asset_selection=asset_selection,
            stale_assets_only=stale_assets_only,
            partition_key=partition_key,
            asset_check_keys=asset_check_keys,
        )
        for name, value in (("run_key", run_key), ("job_name", job_name)):
            if value is not None and not isinstance(value, str):
                raise errors.OpweaveInvariantViolationError(
                    f"RunRequest is given {name}={shown(value)}: give a string"
                )
        self.run_key = run_key
        self.run_config = run_configs.as_config_dict(run_config)
        self.tags = {str(key): str(value) for key, value in (tags or {}).items()}
        self.job_name = job_name

    def __repr__(self) -> str:
        """Return it as it was made."""
        return (
            f"RunRequest(run_key={self.run_key!r}, job_name={self.job_name!r}, tags={self.tags!r})"
        )

    def __eq__(self, other: object) -> bool:
        """Compare all that was asked for."""
        return isinstance(other, RunRequest) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it holds mappings


class SkipReason:
    """Nothing is asked for, and *skip_message* says why; it is shown with the tick."""

    def __init__(self, skip_message: str | None = None) -> None:
        self.skip_message = skip_message

    def __repr__(self) -> str:
        """Return it as it was made."""
        return f"SkipReason({self.skip_message!r})"

    def __eq__(self, other: object) -> bool:
        """Compare the messages."""
        return isinstance(other, SkipReason) and self.skip_message == other.skip_message

    def __hash__(self) -> int:
        """Hash the message."""
        return hash(self.skip_message)
