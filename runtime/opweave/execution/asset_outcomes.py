"""What a step tells of assets: materialisations, observations and verdicts of checks, from what its body gives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from opweave import errors
from opweave.definitions import events as user_events
from opweave.definitions.assets import results
from opweave.definitions.assets.check_result import AssetCheckResult
from opweave.definitions.assets.check_spec import AssetCheckKey, AssetCheckSeverity, AssetCheckSpec
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.results import (
    NO_RESULT_VALUE,
    DataVersion,
    MaterializeResult,
    ObserveResult,
)
from opweave.definitions.assets.spec import AssetSpec
from opweave.definitions.assets.use import AssetUse
from opweave.definitions.metadata import MetadataValue
from opweave.definitions.structure import OpNode
from opweave.execution.asset_context import AssetExecutionContext
from opweave.execution.context import OpExecutionContext, RunInfo
from opweave.execution.events import StepEvents
from opweave.wire.attempt import CODE_VERSION_TAG, DATA_VERSION_TAG, INPUT_VERSION_TAG_PREFIX


def selected_use(
    use: AssetUse, keys: Collection[str] | None, checks: Collection[str] | None
) -> AssetUse:
    """Return *use* with only what a run asks for; None asks for all."""
    if keys is not None:
        outputs = {n: s for n, s in use.outputs.items() if s.key.to_user_string() in keys}
        use = use._replace(outputs=outputs)
    if checks is not None:
        wanted = tuple(c for c in use.checks if c.key.to_user_string() in checks)
        use = use._replace(checks=wanted)
    return use


def flattened(result: object) -> Iterator[object] | None:
    """Return the items of what the body of an asset returned, if it returned results; None for a plain value."""
    if isinstance(result, DataVersion):
        return iter([ObserveResult(data_version=result)])
    if isinstance(result, _RESULTS):
        return iter([result])
    if (
        isinstance(result, (tuple, list))
        and result
        and any(isinstance(r, _RESULTS) for r in result)
    ):
        return iter(result)
    return None


def has_no_value(output: user_events.Output[Any]) -> bool:
    """Return whether *output* tells of an asset whose data the body has stored itself."""
    return output.value is NO_RESULT_VALUE


_RESULTS = (MaterializeResult, ObserveResult, AssetCheckResult)


class AssetOutcomes:
    """Tells what a step has done to assets."""

    def __init__(
        self, node: OpNode, run: RunInfo, events: StepEvents, context: OpExecutionContext
    ) -> None:
        if not isinstance(context, AssetExecutionContext):
            raise TypeError("assets need the context of an asset")
        self._node = node
        self._run = run
        self._events = events
        self._context = context
        self._use: AssetUse = context.asset_use
        self._told: dict[str, list[AssetCheckResult]] = {}
        self._verdicts: dict[AssetCheckKey, AssetCheckResult] = {}

    @property
    def makes_check_only(self) -> bool:
        """Whether the body makes checks and writes nothing."""
        return not self._use.outputs and bool(self._use.checks)

    def taken(self, item: object) -> object:
        """Return *item* as an op's receiver understands it; None when it is dealt with.

        Raises:
            OpweaveInvariantViolationError: It tells of an asset or a check that the step does not have.
        """
        if isinstance(item, AssetCheckResult):
            self._check(item, None)
            return None
        if isinstance(item, (MaterializeResult, ObserveResult)):
            return self._output_of(item)
        return item

    def _output_of(self, result: MaterializeResult[Any] | ObserveResult) -> object:
        name = self._output_name(result)
        self._told[name] = list(result.check_results)
        return user_events.Output(
            getattr(result, "value", NO_RESULT_VALUE),
            name,
            result.metadata,
            result.data_version.value if result.data_version is not None else None,
            result.tags,
        )

    def _output_name(self, result: MaterializeResult[Any] | ObserveResult) -> str:
        outputs, kind = self._use.outputs, type(result).__name__
        if isinstance(result, ObserveResult) is not self._use.is_observation:
            wanted = "ObserveResult" if self._use.is_observation else "MaterializeResult"
            raise errors.OpweaveInvariantViolationError(
                f"{self._node.path!r} gives {kind}: it gives {wanted}, because "
                f"{'others write its assets' if self._use.is_observation else 'it writes its assets'}"
            )
        known = ", ".join(spec.key.to_user_string() for spec in outputs.values()) or "none"
        if result.asset_key is None:
            if len(outputs) == 1:
                return next(iter(outputs))
            raise errors.OpweaveInvariantViolationError(
                f"{self._node.path!r} gives {kind} without an asset key and is asked for several assets: say asset_key=, one of "
                f"{known}"
            )
        for name, spec in outputs.items():
            if spec.key == result.asset_key:
                return name
        raise errors.OpweaveInvariantViolationError(
            f"{self._node.path!r} gives {kind} for {result.asset_key.to_user_string()!r}, which this run does not ask it for; it "
            f"asks for: {known}"
        )

    def output_told(
        self,
        output: user_events.Output[Any],
        manager_metadata: Mapping[str, MetadataValue],
        *,
        is_stored: bool,
    ) -> None:
        """Tell that the asset of *output* is written or seen, then the verdicts that came with it."""
        spec = self._use.outputs.get(output.output_name)
        if spec is None:
            return
        metadata = {
            **output.metadata,
            **manager_metadata,
            **self._context.asset_metadata.get(spec.key, {}),
        }
        tags = {**output.tags, **self._versions(spec, output.data_version)}
        event_class = (
            user_events.AssetObservation
            if self._use.is_observation
            else user_events.AssetMaterialization
        )
        event = event_class(spec.key, metadata=metadata, tags=tags)
        self._events.asset_event(event, output.output_name, is_stored=is_stored)
        for result in self._told.pop(output.output_name, ()):
            self._check(result, spec.key)

    def _versions(self, spec: AssetSpec, version: str | None) -> dict[str, str]:
        """Return the tags that tell from what, and by which code, the asset was made."""
        if self._use.is_observation:
            return {} if version is None else {DATA_VERSION_TAG: version}
        inputs = {
            key: self._context.asset_versions.get(key, results.DEFAULT_DATA_VERSION)
            for key in (dep.asset_key.to_user_string() for dep in spec.deps)
        }
        code_version = spec.code_version or self._run.run_id
        if version is None:
            version = results.computed_data_version(code_version, inputs)
        tags = {DATA_VERSION_TAG: version, CODE_VERSION_TAG: code_version}
        tags.update({f"{INPUT_VERSION_TAG_PREFIX}{key}": value for key, value in inputs.items()})
        # A later asset of the same step may be made of this one.
        self._context.asset_versions[spec.key.to_user_string()] = version
        return tags

    def _check(self, result: AssetCheckResult, asset_key: AssetKey | None) -> None:
        spec = self._check_spec(result, asset_key)
        if spec.key in self._verdicts:
            raise errors.OpweaveInvariantViolationError(
                f"{self._node.path!r} gives two verdicts of the check {spec.key.to_user_string()!r}"
            )
        self._verdicts[spec.key] = result
        self._events.check_evaluated(spec, result)

    def _check_spec(self, result: AssetCheckResult, asset_key: AssetKey | None) -> AssetCheckSpec:
        wanted = result.asset_key or asset_key
        found = [
            check
            for check in self._use.checks
            if (wanted is None or check.asset_key == wanted)
            and (result.check_name is None or check.name == result.check_name)
        ]
        if len(found) == 1:
            return found[0]
        known = ", ".join(check.key.to_user_string() for check in self._use.checks) or "none"
        what = ":".join(str(part) for part in (wanted, result.check_name) if part is not None)
        raise errors.OpweaveInvariantViolationError(
            f"{self._node.path!r} gives the verdict of {'the check ' + what if what else 'a check'}, which "
            f"{'fits several' if found else 'fits none'} of the checks that it is asked for ({known}): say asset_key= and "
            "check_name="
        )

    def finish(self) -> None:
        """Take that the body has ended.

        Raises:
            OpweaveStepOutputNotFoundError: A check has no verdict.
            OpweaveAssetCheckFailedError: A blocking check failed.
        """
        for check in self._use.checks:
            if check.key not in self._verdicts:
                raise errors.OpweaveStepOutputNotFoundError(
                    f"{self._node.path!r} ({self._node.definition.origin}) ended without a verdict of the check "
                    f"{check.key.to_user_string()!r}: return or yield AssetCheckResult(passed=..., check_name={check.name!r})"
                )
        failed = [
            check.key.to_user_string()
            for check in self._use.checks
            if check.blocking and _blocks(self._verdicts[check.key])
        ]
        if failed:
            raise errors.OpweaveAssetCheckFailedError(
                f"the blocking check{'s' if len(failed) > 1 else ''} {', '.join(failed)} failed: nothing downstream is made of "
                "that data in this run"
            )


def _blocks(result: AssetCheckResult) -> bool:
    return not result.passed and result.severity is AssetCheckSeverity.ERROR
