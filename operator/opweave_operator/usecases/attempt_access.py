"""Who may speak for an attempt: only the worker that was made for it.

Called by every request of a worker. On the cluster a worker is known by the pod that its token is bound to, locally by a random
token whose digest was stored before its process started.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.usecases.refusals import RefusalCode, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalIdentity:
    """Whose token it is, without a cluster: whoever knows the token with this SHA-256 digest (hexadecimal)."""

    token_digest: str


Identity = ports.TokenIdentity | LocalIdentity

WorkerNames = Callable[[model.Run, model.Step, int], str]
"""The name that the executor gives to the worker of a step's attempt."""


class AttemptAccess:
    """Judges whether an identity is that of an attempt's worker."""

    def __init__(
        self,
        events: ports.EventStore,
        runs: ports.RunStore,
        worker_names: WorkerNames | None = None,
    ) -> None:
        self._events = events
        self._runs = runs
        self._worker_names = worker_names

    async def authorize(self, ref: ports.AttemptRef, identity: Identity) -> ports.AttemptRecord:
        """Return the attempt if *identity* is that of its worker.

        Whether the attempt still takes reports is another question: see `require_open`.

        Raises:
            Refused: UNKNOWN_ATTEMPT or NOT_YOUR_ATTEMPT.
        """
        record = await self._events.find_attempt(ref)
        if record is None:
            raise Refused(
                RefusalCode.UNKNOWN_ATTEMPT,
                f"run {ref.run_id} has no attempt {ref.number} of step {ref.step_key!r}",
            )
        if isinstance(identity, LocalIdentity):
            _require_token(record, identity)
        else:
            await self._require_pod(record, identity)
        return record

    async def _require_pod(
        self, record: ports.AttemptRecord, identity: ports.TokenIdentity
    ) -> None:
        if identity.namespace != record.namespace:
            raise _not_yours(
                f"its run is in namespace {record.namespace}, the token is from namespace"
                f" {identity.namespace}"
            )
        attempt = record.attempt
        if attempt.worker_id is not None:
            if attempt.worker_id != identity.pod_uid:
                raise _not_yours(
                    f"it belongs to pod {attempt.worker_name} with uid {attempt.worker_id}, the"
                    f" token to pod {identity.pod_name} with uid {identity.pod_uid}"
                )
            return
        expected = attempt.worker_name or await self._expected_name(record.ref)
        if expected is not None and expected != identity.pod_name:
            raise _not_yours(f"it belongs to pod {expected}, the token to pod {identity.pod_name}")

    async def _expected_name(self, ref: ports.AttemptRef) -> str | None:
        if self._worker_names is None:
            return None
        state = await self._runs.load(ref.run_id)
        step = state.steps.get(ref.step_key) if state else None
        return self._worker_names(state.run, step, ref.number) if state and step else None


def require_open(record: ports.AttemptRecord) -> None:
    """Refuse when the attempt takes no more reports.

    Raises:
        Refused: ATTEMPT_CLOSED.
    """
    if not record.is_newest:
        raise Refused(
            RefusalCode.ATTEMPT_CLOSED,
            f"a newer attempt of step {record.ref.step_key!r} has taken over from attempt"
            f" {record.ref.number}",
        )
    if record.attempt.outcome is not None:
        raise Refused(
            RefusalCode.ATTEMPT_CLOSED,
            f"attempt {record.ref.number} of step {record.ref.step_key!r} has ended:"
            f" {record.attempt.outcome.status}",
        )


def _require_token(record: ports.AttemptRecord, identity: LocalIdentity) -> None:
    expected = record.token_digest
    if expected is None or not hmac.compare_digest(expected, identity.token_digest):
        raise _not_yours("its process was given another token")


def _not_yours(why: str) -> Refused:
    return Refused(RefusalCode.NOT_YOUR_ATTEMPT, f"this token may not write for the attempt: {why}")
