"""Runs one step: resources, inputs, the body, outputs, and the user's retries.

Called by the step process and by `in_process`. User code's errors never leave it; requests to stop (`StepTerminated`,
`KeyboardInterrupt`) do, after resources are torn down.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opweave import errors
from opweave.config.resolution import as_written, resolved
from opweave.deferred import deferred_module
from opweave.definitions import job_config
from opweave.definitions.job import DEFAULT_IO_MANAGER_KEY, JobDefinition
from opweave.definitions.structure import OpNode
from opweave.execution import current_step, time_limit
from opweave.execution import inputs as step_inputs
from opweave.execution import outputs as step_outputs
from opweave.execution.body import call_body
from opweave.execution.clock import Clock, SystemClock
from opweave.execution.context import OpExecutionContext, RunInfo, restricted
from opweave.execution.error_info import error_info, one_line, text_of
from opweave.execution.events import Emit, StepEvents
from opweave.execution.op_use import OpHandle, OpUse
from opweave.execution.resources import opened_resources
from opweave.execution.retry import Retry, next_try
from opweave.wire.attempt import AttemptSlice, StepFailure, StepSuccess, StoredOutput

if TYPE_CHECKING:
    from opweave.execution import asset_context, asset_outcomes, step_hooks
    from opweave.io_managers import default as default_io_managers
else:
    asset_context = deferred_module("opweave.execution.asset_context")
    asset_outcomes = deferred_module("opweave.execution.asset_outcomes")
    step_hooks = deferred_module("opweave.execution.step_hooks")
    default_io_managers = deferred_module("opweave.io_managers.default")

OpenResources = Callable[[], contextlib.AbstractContextManager[Mapping[str, Any]]]
"""Sets up what a try of a step needs; called once per try."""


class StepTask(NamedTuple):
    """What is to be run.

    Attributes:
        stored: For each connected input, the outputs that feed it.
        asset_inputs: Where assets which no step of the run writes were stored last, by input.
        asset_versions: Data versions of upstream assets, by written key.
    """

    job: JobDefinition
    node: OpNode
    run: RunInfo
    stored: Mapping[str, tuple[StoredOutput, ...]]
    asset_inputs: Mapping[str, StoredOutput] = types.MappingProxyType({})
    asset_versions: Mapping[str, str] = types.MappingProxyType({})


class StepOutcome(NamedTuple):
    """How a step ended.

    Attributes:
        error: What made it fail; what user code raised is its cause.
        values: What the body gave, by output.
    """

    result: StepSuccess | StepFailure
    error: Exception | None
    values: Mapping[str, Any]


def run_attempt(
    job: JobDefinition,
    slice_: AttemptSlice,
    emit: Emit,
    *,
    instance_directory: Path | None = None,
    clock: Clock | None = None,
) -> StepSuccess | StepFailure:
    """Run the step that *slice_* describes and return its outcome.

    Args:
        job: The job as its location defines it, resources included.
        slice_: The step's part of the plan.
        emit: Takes each event but the outcome, in order; never called from two threads at once.
        instance_directory: Where the default I/O manager keeps files; see `default_io_manager`.
        clock: Waits between retries.

    Raises:
        StepTerminated: Or whatever else that is no `Exception` ended the body; resources are torn down.
    """
    node = job.structure.nodes.get(slice_.op_path)
    if node is None:
        hint = errors.did_you_mean(slice_.op_path, job.structure.nodes)
        return StepFailure(
            reason="StepNotFound",
            message=f"{job} has no op at {slice_.op_path!r}{hint}; its code has changed since the run was planned",
        )
    try:
        run_config = job.expanded_run_config(slice_.run_config, [slice_.op_path])
    except errors.OpweaveError as error:
        return _failed(error, _Moments(clock or SystemClock()))
    run = RunInfo(
        slice_.run_id,
        slice_.job,
        slice_.tags,
        run_config,
        slice_.parent_run_id,
        slice_.root_run_id,
    )
    events = StepEvents(emit, slice_.step_key)

    @contextlib.contextmanager
    def open_resources() -> Iterator[Mapping[str, Any]]:
        definitions = job.required_resources([task.node])
        with opened_resources(definitions, run, events) as values:
            if DEFAULT_IO_MANAGER_KEY not in values:
                default = default_io_managers.default_io_manager(instance_directory)
                values[DEFAULT_IO_MANAGER_KEY] = default
            yield values

    if node.assets is not None:
        asked = asset_outcomes.selected_use(node.assets, slice_.asset_keys, slice_.asset_checks)
        node = node._replace(assets=asked)
    task = StepTask(job, node, run, slice_.inputs, slice_.asset_inputs, slice_.asset_versions)
    return run_step(task, events, open_resources, clock or SystemClock()).result


def run_step(
    task: StepTask, events: StepEvents, open_resources: OpenResources, clock: Clock
) -> StepOutcome:
    """Run *task*, trying again as its retry policy says."""
    moments = _Moments(clock)
    current = current_step.CurrentStep(events, task.run.job_name, task.run.run_id)
    retries = 0
    events.step_started()
    seconds = time_limit.limit_of(task.node, task.job)
    limit = None if seconds is None else time_limit.TimeLimit(task.node.path, seconds)
    if limit is not None:
        events.hold_by(limit.held)
    while True:
        try:
            with current_step.running(current), open_resources() as resources:
                tried = _try(task, events, resources, retries, clock, moments, limit)
        except (SystemExit, Exception) as error:  # noqa: BLE001  # of a resource that could not be set up
            tried = _Try(None, error, {}, _next_try(task, error, retries, clock))
            if tried.retry is None:
                _call_hooks(task, events, None, tried)
        if tried.error is None:
            success = StepSuccess(
                outputs=step_outputs.produced(task.node.definition, tried.values),
                user_code_at=moments.user_code_at,
                body_ended_at=moments.body_ended_at,
            )
            return StepOutcome(success, None, tried.values)
        if isinstance(tried.error, SystemExit):
            return StepOutcome(_exited(tried.error, moments), None, {})
        if tried.retry is None:
            return StepOutcome(_failed(tried.error, moments), tried.error, {})
        retries += 1
        events.up_for_retry(user_error(tried.error), tried.retry.delay_seconds, retries)
        clock.wait(tried.retry.delay_seconds)
        events.restarted(retries)


class _Try(NamedTuple):
    """How one try of a step ended.

    Attributes:
        context: The op's; None when the try did not come that far.
        values: What the body gave, by output; all of it only when there is no error.
        retry: The try that follows.
    """

    context: OpExecutionContext | None
    error: SystemExit | Exception | None
    values: Mapping[str, Any]
    retry: Retry | None


def _try(
    task: StepTask,
    events: StepEvents,
    resources: Mapping[str, Any],
    retries: int,
    clock: Clock,
    moments: _Moments,
    limit: time_limit.TimeLimit | None,
) -> _Try:
    """Run one try; when it is the last, call the step's hooks while its resources are there."""
    body = _Body(task, events, resources, retries, moments, limit)
    try:
        body.run()
        tried = _Try(body.context, None, body.values, None)
    except (SystemExit, Exception) as error:  # noqa: BLE001  # whatever user code raises is the step's outcome
        retry = _next_try(task, error, retries, clock)
        tried = _Try(body.context, error, body.values, retry)
    if tried.retry is None:
        _call_hooks(task, events, resources, tried)
    return tried


def _next_try(
    task: StepTask, error: SystemExit | Exception, retries: int, clock: Clock
) -> Retry | None:
    """Return the try that follows one that ended by *error*; None when there is none."""
    if isinstance(error, SystemExit):
        return None
    policy = task.node.retry_policy or task.job.op_retry_policy
    return next_try(user_error(error), policy, retries, clock.random)


def _call_hooks(
    task: StepTask, events: StepEvents, resources: Mapping[str, Any] | None, tried: _Try
) -> None:
    hooks = task.job.hooks_of(task.node)
    if not hooks:
        return
    node = task.node
    step_hooks.call_hooks(
        hooks,
        run=task.run,
        events=events,
        op=OpUse(OpHandle(tuple(node.path.split("."))).name, node.definition, node.tags),
        resources=resources,
        context=tried.context,
        values=tried.values,
        error=None if tried.error is None else user_error(tried.error),
    )


class _Moments:
    """When the body of the first try began, and when that of the last ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.user_code_at: str | None = None
        self.body_ended_at: str | None = None

    def body_begins(self) -> None:
        if self.user_code_at is None:
            self.user_code_at = self._clock.now().isoformat()

    def body_ended(self) -> None:
        self.body_ended_at = self._clock.now().isoformat()


class _Body:
    """One try of the op's body.

    Attributes:
        context: What the body is given; None before it is.
        values: What it gave, by output.
    """

    def __init__(
        self,
        task: StepTask,
        events: StepEvents,
        resources: Mapping[str, Any],
        retries: int,
        moments: _Moments,
        limit: time_limit.TimeLimit | None,
    ) -> None:
        self._task = task
        self._events = events
        self._resources = resources
        self._retries = retries
        self._moments = moments
        self._limit = limit
        self.context: OpExecutionContext | None = None
        self.values: Mapping[str, Any] = {}

    def run(self) -> None:
        """Load the inputs, run the body, store what it gives."""
        task, events, resources = self._task, self._events, self._resources
        node = task.node
        op = node.definition
        op_config, config_object = _op_config(task)
        values = step_inputs.load_inputs(
            task.job, node, task.run, task.stored, resources, events, task.asset_inputs
        )
        self.context = _context(
            task,
            run=task.run,
            events=events,
            resources=restricted(resources, op.required_resource_keys, f"the op {op.name!r}"),
            op_config=op_config,
            op_def=op,
            retry_number=self._retries,
            op_tags=node.tags,
            job_def=task.job,
        )
        receiver = step_outputs.OutputReceiver(
            task.job, node, task.run, events, self.context, resources
        )
        self.values = receiver.values
        stream = call_body(op, self.context, values, config_object)
        self._moments.body_begins()
        try:
            with contextlib.nullcontext() if self._limit is None else self._limit.running():
                _drain(stream, receiver, node)
        finally:
            self._moments.body_ended()
            stream.close()
        self.values = receiver.finished()


def _context(task: StepTask, **op_context: Any) -> OpExecutionContext:
    """Return the context of the step; *op_context* is what every op's has."""
    use = task.node.assets
    if use is None:
        return OpExecutionContext(**op_context)
    context_class = (
        asset_context.AssetExecutionContext
        if use.definition.keys
        else asset_context.AssetCheckExecutionContext
    )
    return context_class(assets=use, asset_versions=task.asset_versions, **op_context)


def _drain(stream: Iterator[object], receiver: step_outputs.OutputReceiver, node: OpNode) -> None:
    """Hand everything that the body gives to *receiver*; only the body's own errors count as user code's."""
    while True:
        try:
            item = next(stream)
        except StopIteration:
            return
        except errors.OpweaveInvariantViolationError:
            raise
        except Exception as error:
            raise errors.OpweaveExecutionStepExecutionError(
                f"the op {node.path!r} ({node.definition.origin}) raised {one_line(error)}"
            ) from error
        receiver.receive(item)


def _op_config(task: StepTask) -> tuple[Any, Any]:
    """Return the op's config as ``context.op_config`` shows it, and as the parameter ``config`` receives it."""
    field = task.node.definition.config_field
    if field is None:
        return None, None
    path = (*job_config.problem_path(task.node.path), "config")
    entry = job_config.op_entry(task.run.run_config, task.node.path)
    value = resolved(field, entry.get("config", job_config.NO_CONFIG), path)
    return as_written(value), value


def user_error(error: BaseException) -> BaseException:
    """Return what user code raised: the cause of an `OpweaveUserCodeExecutionError`, else *error* itself."""
    if isinstance(error, errors.OpweaveUserCodeExecutionError) and error.__cause__ is not None:
        return error.__cause__
    return error


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (errors.OpweaveUnserializableOutputError, "OutputUnserializable"),
    (errors.OpweaveExecutionHandleOutputError, "OutputNotStored"),
    (errors.OpweaveExecutionLoadInputError, "InputNotLoaded"),
    (errors.OpweaveResourceFunctionError, "ResourceNotReady"),
    (errors.OpweaveExecutionStepExecutionError, "UserCodeError"),
    (errors.OpweaveOpTimedOutError, "OpTimedOut"),
    (errors.OpweaveTypeCheckDidNotPass, "TypeCheckFailed"),
    (errors.OpweaveStepOutputNotFoundError, "OutputMissing"),
    (errors.OpweaveInvariantViolationError, "OutputInvalid"),
    (errors.OpweaveAssetCheckFailedError, "AssetCheckFailed"),
    (errors.OpweaveInvalidConfigError, "ConfigInvalid"),
    (errors.OpweaveInvalidDefinitionError, "DefinitionInvalid"),
)


def _failed(error: Exception, moments: _Moments) -> StepFailure:
    reason = next((name for cls, name in _REASONS if isinstance(error, cls)), "UserCodeError")
    told = user_error(error)
    if isinstance(error, errors.OpweaveExecutionStepExecutionError) or not isinstance(
        error, errors.OpweaveError
    ):
        message, info = one_line(told), error_info(told)
    else:
        # What opweave says comes first: which input, output or resource it was.
        message, info = text_of(error).partition("\n")[0][:1000], error_info(error)
    return StepFailure(
        reason=reason,
        message=message,
        error=info,
        user_code_at=moments.user_code_at,
        body_ended_at=moments.body_ended_at,
    )


def _exited(exit_: SystemExit, moments: _Moments) -> StepFailure:
    code = exit_.code if isinstance(exit_.code, int) else (0 if exit_.code is None else 1)
    return StepFailure(
        reason="ProcessExited",
        message=f"the op's code ended the process by sys.exit({exit_.code!r:.200})",
        error=error_info(exit_),
        exit_code=code,
        user_code_at=moments.user_code_at,
        body_ended_at=moments.body_ended_at,
    )
