"""One program that a step has started, or is about to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.definitions import metadata as metadata_values
from opweave.definitions.assets.check_result import AssetCheckResult
from opweave.definitions.assets.results import MaterializeResult
from opweave.pipes.context_injector import PipesContextInjector
from opweave.pipes.message_handler import PipesMessageHandler
from opweave.pipes.message_reader import PipesMessageReader
from opweave_pipes import params

if TYPE_CHECKING:
    from opweave.execution.context import OpExecutionContext

PipesExecutionResult = MaterializeResult[Any] | AssetCheckResult


class PipesSession:
    """What to hand to the program, and what it has reported."""

    def __init__(
        self,
        *,
        context: OpExecutionContext,
        message_handler: PipesMessageHandler,
        context_injector_params: Mapping[str, Any],
        message_reader_params: Mapping[str, Any],
    ) -> None:
        self.context = context
        self.message_handler = message_handler
        self.context_injector_params = context_injector_params
        self.message_reader_params = message_reader_params

    def get_bootstrap_env_vars(self) -> dict[str, str]:
        """Return the environment variables that the program needs."""
        return {
            params.OPWEAVE_PIPES_CONTEXT_ENV_VAR: params.encode_param(self.context_injector_params),
            params.OPWEAVE_PIPES_MESSAGES_ENV_VAR: params.encode_param(self.message_reader_params),
        }

    def get_reported_results(self) -> Sequence[PipesExecutionResult]:
        """Return what the program has reported so far."""
        return tuple(self.message_handler.results)

    def get_results(
        self,
        *,
        implicit_materializations: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> Sequence[PipesExecutionResult]:
        """Return what the program has reported, for the body to return or yield.

        Args:
            implicit_materializations: Add a result for each asset of the step that the program did not report.
            metadata: Added to every result.
        """
        found = list(self.get_reported_results())
        if implicit_materializations:
            told = {r.asset_key for r in found if isinstance(r, MaterializeResult)}
            selected = getattr(self.context, "selected_asset_keys", ())
            found += [MaterializeResult(key) for key in sorted(selected) if key not in told]
        added = metadata_values.normalize_metadata(metadata)
        for result in found:
            result.metadata = {**result.metadata, **added}
        return tuple(found)

    def get_custom_messages(self) -> Sequence[Any]:
        """Return the payloads of the program's ``report_custom_message``."""
        return tuple(self.message_handler.custom_messages)


@contextmanager
def open_pipes_session(
    context: OpExecutionContext,
    context_injector: PipesContextInjector,
    message_reader: PipesMessageReader,
    extras: Mapping[str, Any] | None = None,
) -> Iterator[PipesSession]:
    """Open pipes for a program; start it within the ``with``, and take the results after it.

    Args:
        context: Of the op or asset.
        context_injector: Hands the context over.
        message_reader: Reads what the program reports.
        extras: JSON that the program finds in its context.

    Raises:
        OpweaveInvariantViolationError: The extras are no JSON.
    """
    handler = PipesMessageHandler(context)
    context.has_reported_results = True
    data = _context_data(context, extras)
    try:
        with (
            context_injector.inject_context(data) as injector_params,
            message_reader.read_messages(handler) as reader_params,
        ):
            yield PipesSession(
                context=context,
                message_handler=handler,
                context_injector_params=injector_params,
                message_reader_params=reader_params,
            )
    finally:
        if not handler.received_opened_message:
            context.log.warning(
                "[pipes] the external process has reported nothing: does it call open_opweave_pipes()? Its own output may "
                "tell more (%s; %s)",
                context_injector.no_messages_debug_text(),
                message_reader.no_messages_debug_text(),
            )
        elif not handler.received_closed_message:
            context.log.warning(
                "[pipes] the external process has not closed its pipes, so that its last messages may be missing: use "
                "open_opweave_pipes() in a with statement, or call close()"
            )


def _context_data(context: OpExecutionContext, extras: Mapping[str, Any] | None) -> dict[str, Any]:
    versions: dict[str, str | None] | None = None
    if getattr(context, "has_assets_def", False):
        specs = context.asset_use.outputs.values()  # type: ignore[attr-defined]  # the context is an asset's
        versions = {spec.key.to_escaped_user_string(): spec.code_version for spec in specs}
    given = dict(extras or {})
    try:
        json.dumps(given)
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.OpweaveInvariantViolationError(
            f"the extras of {context.step_key} are not JSON ({error}): give texts, numbers, lists and dicts"
        ) from error
    return {
        "asset_keys": None if versions is None else sorted(versions),
        "code_version_by_asset_key": versions,
        "provenance_by_asset_key": None if versions is None else dict.fromkeys(versions),
        "partition_key": None,
        "partition_key_range": None,
        "partition_time_window": None,
        "run_id": context.run_id,
        "job_name": context.job_name,
        "retry_number": context.retry_number,
        "extras": given,
    }
