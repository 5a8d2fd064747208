"""Outputs that steps stored through the operator: who may write which, who may read which, and where they stand.

The attempt's number is part of the key: what a fenced attempt still uploads never replaces what the newer one stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.usecases import attempt_access, attempt_slice
from opweave_operator.usecases.refusals import RefusalCode, Refused


class StoredOutputs:
    """Outputs of steps.

    Args:
        max_bytes: Of one output.
    """

    def __init__(
        self,
        *,
        runs: ports.RunStore,
        artifacts: ports.ArtifactStore,
        assets: ports.AssetStore,
        max_bytes: int,
    ) -> None:
        self._assets = assets
        self._runs = runs
        self._artifacts = artifacts
        self._max_bytes = max_bytes

    async def write(
        self,
        record: ports.AttemptRecord,
        output: wire_attempt.ProducedOutput,
        chunks: AsyncIterator[bytes],
    ) -> None:
        """Store an output of the attempt in *record*, whose worker sends it, in place of what it stored before.

        Raises:
            Refused: The attempt is closed, its plan has no such output, or the output is too large.
        """
        attempt_access.require_open(record)
        state = await self._load(record.ref.run_id)
        planned = attempt_slice.planned_step(state.run.plan, record.ref.step_key)
        if output.name not in {item.name for item in planned.outputs}:
            names = ", ".join(item.name for item in planned.outputs) or "none"
            raise Refused(
                RefusalCode.INVALID,
                f"step {record.ref.step_key!r} has no output {output.name!r}; it has {names}",
            )
        key = _key(record.ref.run_id, record.ref.step_key, record.ref.number, output)
        await self._artifacts.write(key, _capped(chunks, self._max_bytes))

    async def read_input(
        self, record: ports.AttemptRecord, source: wire_attempt.StoredOutput
    ) -> AsyncIterator[bytes] | None:
        """Return the content of an output for the worker of *record*; None when nothing was stored.

        Raises:
            Refused: NOT_YOUR_INPUT, when the plan does not feed the step from it.
        """
        state = await self._load(record.ref.run_id)
        owner = await self._owner(state, record, source)
        return await self.read(owner, source) if owner else None

    async def read(
        self, state: model.RunState, source: wire_attempt.StoredOutput
    ) -> AsyncIterator[bytes] | None:
        """Return the content of an output of the run *state*; None when its step has not stored it."""
        attempt = attempt_slice.successful_attempt(state, source.step_key)
        if attempt is None:
            return None
        output = wire_attempt.ProducedOutput(
            name=source.output_name, mapping_key=source.mapping_key
        )
        return await self._artifacts.read(
            _key(state.run.id, source.step_key, attempt.number, output)
        )

    async def _owner(
        self,
        state: model.RunState,
        record: ports.AttemptRecord,
        source: wire_attempt.StoredOutput,
    ) -> model.RunState | None:
        run = state.run
        if source.run_id == run.id:
            if attempt_slice.depends_on(run.plan, record.ref.step_key, source):
                return state
        elif attempt_slice.reads_earlier(run.plan, record.ref.step_key, source):
            related = await self._runs.load(model.RunId(source.run_id))
            if related is None or related.run.location == run.location:
                return related
        else:
            keys = attempt_slice.loaded_asset_keys(run.plan, record.ref.step_key)
            if keys and await self._assets.wrote(keys, source.run_id, source.step_key):
                # Assets go from location to location, never from namespace to namespace.
                related = await self._runs.load(model.RunId(source.run_id))
                if related is None or related.run.location.namespace == run.location.namespace:
                    return related
        raise Refused(
            RefusalCode.NOT_YOUR_INPUT,
            f"step {record.ref.step_key!r} of run {run.id} does not depend on output"
            f" {source.output_name!r} of step {source.step_key!r} of run {source.run_id}",
        )

    async def _load(self, run_id: model.RunId) -> model.RunState:
        state = await self._runs.load(run_id)
        if state is None:
            raise Refused(RefusalCode.UNKNOWN_ATTEMPT, f"there is no run {run_id}")
        return state


def _key(run_id: str, step_key: str, attempt: int, output: wire_attempt.ProducedOutput) -> str:
    name = output.name
    if output.mapping_key is not None:
        name = f"{name}[{output.mapping_key}]"
    return "/".join((run_id, _part(step_key), str(attempt), _part(name)))


def _part(text: str) -> str:
    """Return *text* as one part of a key; the store makes the rest safe."""
    return text.replace("%", "%25").replace("/", "%2F")


async def _capped(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    length = 0
    async for chunk in chunks:
        length += len(chunk)
        if length > limit:
            raise Refused(
                RefusalCode.TOO_LARGE,
                f"the output has more than the {limit} bytes that the instance allows; use an I/O"
                " manager that writes to a bucket, or raise the limit",
            )
        yield chunk
