"""Steps of a run and their attempts."""

from __future__ import annotations

from datetime import datetime

import strawberry

from opweave.wire import attempt as wire_attempt
from opweave.wire import mapped_steps
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.api.types import compute_log
from opweave_operator.api.types.compute_log import ComputeLog, LogStream
from opweave_operator.api.types.scalars import Info, Tag, tags_of
from opweave_operator.core import model

for _enum in (model.StepStatus, model.AttemptStatus, model.OutcomeSource):
    strawberry.enum(_enum)

_DEFAULT_LOG_BYTES = 65_536


@strawberry.type
class ErrorInfo:
    """An error of the user's code, with the user's frames only; *causes* are in the order of raising, last first."""

    class_name: str
    message: str
    stack: str
    causes: list[ErrorCause]

    @classmethod
    def of(cls, error: wire_attempt.ErrorInfo) -> ErrorInfo:
        """Return the GraphQL form of *error*."""
        causes: list[ErrorCause] = []
        cause = error.cause
        while cause is not None and len(causes) < 20:
            causes.append(
                ErrorCause(class_name=cause.class_name, message=cause.message, stack=cause.stack)
            )
            cause = cause.cause
        return cls(
            class_name=error.class_name, message=error.message, stack=error.stack, causes=causes
        )


@strawberry.type
class ErrorCause:
    """What an error was raised from."""

    class_name: str
    message: str
    stack: str


@strawberry.type
class ProducedOutput:
    """An output that a step stored."""

    name: str
    mapping_key: str | None


@strawberry.type
class Outcome:
    """How an attempt ended."""

    status: model.AttemptStatus
    source: model.OutcomeSource
    timestamp: datetime
    reason: str
    message: str
    exit_code: int | None
    error: ErrorInfo | None
    outputs: list[ProducedOutput]

    @classmethod
    def of(cls, outcome: model.Outcome) -> Outcome:
        """Return the GraphQL form of *outcome*."""
        return cls(
            status=outcome.status,
            source=outcome.source,
            timestamp=outcome.at,
            reason=outcome.reason,
            message=outcome.message,
            exit_code=outcome.exit_code,
            error=ErrorInfo.of(outcome.error) if outcome.error else None,
            outputs=[
                ProducedOutput(name=item.name, mapping_key=item.mapping_key)
                for item in outcome.outputs
            ],
        )


@strawberry.type
class Moments:
    """The seven moments of an attempt; the difference of neighbours is a phase."""

    ready: datetime | None
    slot: datetime | None
    created: datetime | None
    running: datetime | None
    user_code: datetime | None
    body_ended: datetime | None
    committed: datetime | None

    @classmethod
    def of(cls, moments: model.Moments) -> Moments:
        """Return the GraphQL form of *moments*."""
        return cls(
            ready=moments.ready_at,
            slot=moments.slot_at,
            created=moments.created_at,
            running=moments.running_at,
            user_code=moments.user_code_at,
            body_ended=moments.body_ended_at,
            committed=moments.committed_at,
        )


@strawberry.type
class StepAttempt:
    """One try to run a step, in one worker."""

    number: int
    status: model.AttemptStatus
    worker_name: str | None
    worker_id: str | None
    moments: Moments
    outcome: Outcome | None
    ref: strawberry.Private[ports.AttemptRef]

    @classmethod
    def of(cls, ref: ports.AttemptRef, attempt: model.Attempt) -> StepAttempt:
        """Return the GraphQL form of *attempt*."""
        return cls(
            number=attempt.number,
            status=attempt.status,
            worker_name=attempt.worker_name,
            worker_id=attempt.worker_id,
            moments=Moments.of(attempt.moments),
            outcome=Outcome.of(attempt.outcome) if attempt.outcome else None,
            ref=ref,
        )

    @strawberry.field
    async def compute_log(
        self, info: Info, stream: LogStream, offset: int = 0, limit: int = _DEFAULT_LOG_BYTES
    ) -> ComputeLog:
        """A part of what the attempt printed, from *offset*; at most 1 MiB at a time."""
        logs = info.context.dependencies.logs
        return await compute_log.read(logs, self.ref, stream, offset, limit)


@strawberry.type
class RunStep:
    """A step of a run; *waiting_reason* says why it does not run although it could."""

    step_key: str
    index: int
    op_name: str
    description: str | None
    tags: list[Tag]
    upstream_keys: list[str]
    status: model.StepStatus
    reason: str
    message: str
    waiting_reason: str
    waiting_message: str
    retry_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    attempts: list[StepAttempt]

    @classmethod
    def of(cls, run: model.Run, planned: wire_plan.PlannedStep, step: model.Step) -> RunStep:
        """Return the GraphQL form of *step*."""
        newest = step.newest
        moments = newest.moments if newest else model.Moments()
        return cls(
            step_key=step.key,
            index=step.index,
            op_name=planned.op,
            description=planned.description,
            tags=tags_of(planned.tags),
            upstream_keys=list(planned.upstream_keys),
            status=step.status,
            reason=step.reason,
            message=step.message,
            waiting_reason=step.waiting_reason,
            waiting_message=step.waiting_message,
            retry_time=step.retry_at,
            start_time=moments.running_at or moments.created_at,
            end_time=newest.outcome.at if newest and newest.outcome else None,
            attempts=[
                StepAttempt.of(
                    ports.AttemptRef(run_id=run.id, step_key=step.key, number=attempt.number),
                    attempt,
                )
                for attempt in step.attempts
            ],
        )


def steps_of(state: model.RunState) -> list[RunStep]:
    """Return the steps of a run, upstream before downstream."""
    return [
        RunStep.of(state.run, planned, state.steps[model.StepKey(planned.key)])
        for planned in mapped_steps.in_order(state.run.plan)
        if planned.key in state.steps
    ]
