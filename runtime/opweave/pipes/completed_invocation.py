"""What a program has reported, once it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opweave import errors
from opweave.definitions import metadata as metadata_values
from opweave.definitions.assets.check_result import AssetCheckResult
from opweave.definitions.assets.results import MaterializeResult
from opweave.pipes.session import PipesExecutionResult, PipesSession


class PipesClientCompletedInvocation:
    """The results of a program that has ended well; *metadata* is added to each."""

    def __init__(self, session: PipesSession, metadata: Mapping[str, Any] | None = None) -> None:
        self._session = session
        self.metadata = metadata_values.normalize_metadata(metadata)

    def get_results(
        self, *, implicit_materializations: bool = True
    ) -> Sequence[PipesExecutionResult]:
        """Return all results; see `PipesSession.get_results`."""
        return self._session.get_results(
            implicit_materializations=implicit_materializations, metadata=self.metadata
        )

    def get_materialize_result(
        self, *, implicit_materialization: bool = True
    ) -> MaterializeResult[Any]:
        """Return the one materialisation, with the verdicts of checks in it.

        Raises:
            OpweavePipesError: There are several, or none, or a verdict is of another asset.
        """
        found = self.get_results(implicit_materializations=implicit_materialization)
        written = [result for result in found if isinstance(result, MaterializeResult)]
        checks = [result for result in found if isinstance(result, AssetCheckResult)]
        if len(written) != 1:
            raise errors.OpweavePipesError(
                f"the external process gave {len(written)} materializations, not one: use get_results()"
            )
        (result,) = written
        if any(check.asset_key != result.asset_key for check in checks):
            raise errors.OpweavePipesError(
                "the external process gave the verdict of a check of another asset: use get_results()"
            )
        return MaterializeResult(
            result.asset_key, result.metadata, checks, result.data_version, result.tags
        )

    def get_asset_check_result(self) -> AssetCheckResult:
        """Return the one verdict of a check.

        Raises:
            OpweavePipesError: There is something else.
        """
        found = self.get_results()
        if len(found) != 1 or not isinstance(found[0], AssetCheckResult):
            raise errors.OpweavePipesError(
                f"the external process gave {len(found)} results, not one verdict of a check: use get_results()"
            )
        return found[0]

    def get_custom_messages(self) -> Sequence[Any]:
        """Return the payloads of the program's ``report_custom_message``."""
        return self._session.get_custom_messages()
