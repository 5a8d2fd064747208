"""Schedules: jobs that are launched at times."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import instigator, unsupported
from opweave.definitions import origin as origins
from opweave.definitions import run_config as run_configs
from opweave.definitions.run_config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class DefaultScheduleStatus(enum.Enum):
    """Whether a schedule ticks before anybody has started or stopped it."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class ScheduleDefinition:
    """A job that is launched at times.

    Args:
        name: Default: the name of the job with ``_schedule``.
        cron_schedule: Five fields or ``@daily`` and its like; a list ticks at the times of each.
        job_name: Name of the job to launch, in place of *job*.
        run_config: Of each run.
        run_config_fn: Makes it for each tick; takes the context.
        tags: Of each run.
        tags_fn: Makes them for each tick.
        should_execute: Returns whether a tick launches its run.
        execution_timezone: IANA name in which the cron expression is read; default UTC.
        execution_fn: Returns or yields what to launch, in place of the functions above.
        job: What to launch.
        target: The same.
        default_status: Whether it ticks before anybody has started it.
        required_resource_keys: Resources that its functions use.

    Raises:
        OpweaveInvalidDefinitionError: The arguments do not go together.
    """

    __opweave_instigator__ = "schedule"

    def __init__(
        self,
        name: str | None = None,
        *,
        cron_schedule: str | Sequence[str] | None = None,
        job_name: str | None = None,
        run_config: RunConfig | Mapping[str, Any] | None = None,
        run_config_fn: Callable[..., Any] | None = None,
        tags: Mapping[str, str] | None = None,
        tags_fn: Callable[..., Any] | None = None,
        should_execute: Callable[..., bool] | None = None,
        environment_vars: Mapping[str, str] | None = None,
        execution_timezone: str | None = None,
        execution_fn: Callable[..., Any] | None = None,
        description: str | None = None,
        job: object = None,
        default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
        required_resource_keys: AbstractSet[str] | None = None,
        target: object = None,
        metadata: Mapping[str, Any] | None = None,
        owners: Sequence[str] | None = None,
    ) -> None:
        self.origin = origins.origin_of(execution_fn) if execution_fn else origins.caller_origin()
        given = [value for value in (job, target, job_name) if value is not None]
        about = (
            f"the schedule {name!r} ({self.origin})" if name else f"the schedule at {self.origin}"
        )
        if len(given) != 1:
            raise errors.OpweaveInvalidDefinitionError(
                f"{about} needs exactly one of job, target and job_name, and got {len(given)}"
            )
        unsupported.refuse(about, environment_vars=environment_vars)
        self.targets = instigator.targets_of(given, about)
        own = name or f"{instigator.name_of(self.targets[0])}_schedule"
        self.name = origins.checked_name(own, "schedule", self.origin)
        self.cron_schedule = _checked_cron(cron_schedule, about)
        self.execution_timezone = execution_timezone
        self.description = description
        self.default_status = default_status
        self.metadata = dict(metadata or {})
        self.owners = list(owners or ())
        self.tags = dict(tags or {})
        self.tags_fn = tags_fn
        self.should_execute = should_execute
        if sum(value is not None for value in (run_config, run_config_fn, execution_fn)) > 1:
            raise errors.OpweaveInvalidDefinitionError(
                f"{about} has more than one of run_config, run_config_fn and execution_fn: give one of them"
            )
        config = run_configs.as_config_dict(run_config)
        self._function = instigator.EvaluationFunction(
            execution_fn or run_config_fn or (lambda: config),
            f"the schedule {self.name!r}",
            required_resource_keys,
        )

    @property
    def crons(self) -> tuple[str, ...]:
        """The cron expressions."""
        given = self.cron_schedule
        return (given,) if isinstance(given, str) else tuple(given)

    @property
    def job_name(self) -> str:
        """The name of the job that it launches."""
        return instigator.name_of(self.targets[0])

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """Keys of the resources that its functions use."""
        return self._function.resource_keys

    @property
    def function(self) -> Callable[..., Any]:
        """The user's function, for the digest of definitions."""
        return self._function.function

    def __call__(self, context: Any = None, **resources: Any) -> Any:
        """Call the schedule's function, for tests; `Any`, since the function decides."""
        return self._function.call(context, **resources)


def _checked_cron(given: object, about: str) -> str | Sequence[str]:
    if isinstance(given, str) and given:
        return given
    if isinstance(given, Sequence) and given and all(isinstance(c, str) and c for c in given):
        return list(given)
    raise errors.OpweaveInvalidDefinitionError(
        f"{about} has cron_schedule={shown(given)}: give five fields such as '0 6 * * *', or a list of them"
    )


def schedule(
    cron_schedule: str | Sequence[str], *, name: str | None = None, **options: Any
) -> Callable[[Callable[..., Any]], ScheduleDefinition]:
    """Make a function a schedule.

    The function takes a `ScheduleEvaluationContext` or nothing, and resources annotated with their classes; it returns or
    yields `RunRequest` or `SkipReason`, or returns a run config.

    Args:
        cron_schedule: When it ticks: five fields, ``@daily`` and its like, or a list.
        name: Default: the function's.
        options: ``job``, ``job_name``, ``target``, ``execution_timezone``, ``description``, ``default_status``,
            ``required_resource_keys``, ``tags``, ``tags_fn``, ``should_execute``, ``metadata``, ``owners``.

    Raises:
        OpweaveInvalidDefinitionError: It stands on something else, or the arguments do not go together.
    """

    def decorate(function: Callable[..., Any]) -> ScheduleDefinition:
        body = instigator.checked_function(function, "schedule")
        described = {"description": inspect.getdoc(body), **options}
        return ScheduleDefinition(
            name or body.__name__, cron_schedule=cron_schedule, execution_fn=body, **described
        )

    return decorate
