"""Sensors: jobs that are launched when something has happened."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import instigator, unsupported
from opweave.definitions import origin as origins
from opweave.definitions.run_request import RunRequest, SkipReason

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

DEFAULT_INTERVAL_SECONDS = 30


class DefaultSensorStatus(enum.Enum):
    """Whether a sensor is evaluated before anybody has started or stopped it."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class SensorResult:
    """What an evaluation of a sensor comes to, as one value.

    Args:
        run_requests: Runs to launch.
        skip_reason: Why there are none.
        cursor: The new cursor; None leaves it.

    Raises:
        OpweaveInvariantViolationError: There are runs and a reason for none.
    """

    def __init__(
        self,
        run_requests: Sequence[RunRequest] | None = None,
        skip_reason: str | SkipReason | None = None,
        cursor: str | None = None,
        dynamic_partitions_requests: object = None,
        asset_events: object = None,
    ) -> None:
        unsupported.refuse(
            "SensorResult",
            dynamic_partitions_requests=dynamic_partitions_requests,
            asset_events=asset_events,
        )
        if run_requests and skip_reason:
            raise errors.OpweaveInvariantViolationError(
                "SensorResult has run_requests and a skip_reason: give one of them"
            )
        if cursor is not None and not isinstance(cursor, str):
            raise errors.OpweaveInvariantViolationError(
                f"SensorResult has cursor={shown(cursor)}: give a string, such as str(...) or json.dumps(...)"
            )
        self.run_requests = list(run_requests or ())
        self.skip_reason = SkipReason(skip_reason) if isinstance(skip_reason, str) else skip_reason
        self.cursor = cursor


class SensorDefinition:
    """Jobs that are launched when something has happened.

    Args:
        name: Default: the name of the function.
        evaluation_fn: Returns or yields `RunRequest`, `SkipReason` or `SensorResult`.
        job_name: Name of the job to launch, in place of *job*.
        minimum_interval_seconds: Between two evaluations; default 30.
        job: What to launch.
        jobs: Several, of which each `RunRequest` names one.
        target: A job, or several.
        default_status: Whether it is evaluated before anybody has started it.
        required_resource_keys: Resources that its function uses.
        tags: Of each run.

    Raises:
        OpweaveInvalidDefinitionError: The arguments do not go together.
    """

    __opweave_instigator__ = "sensor"

    def __init__(
        self,
        name: str | None = None,
        *,
        evaluation_fn: Callable[..., Any] | None = None,
        job_name: str | None = None,
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
        job: object = None,
        jobs: Sequence[object] | None = None,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        asset_selection: object = None,
        required_resource_keys: AbstractSet[str] | None = None,
        tags: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        target: object = None,
        owners: Sequence[str] | None = None,
    ) -> None:
        if evaluation_fn is None:
            raise errors.OpweaveInvalidDefinitionError(
                f"the sensor {name!r} ({origins.caller_origin()}) needs an evaluation_fn"
            )
        self.origin = origins.origin_of(evaluation_fn)
        self.name = origins.checked_name(
            name or getattr(evaluation_fn, "__name__", None), "sensor", self.origin
        )
        about = f"the sensor {self.name!r} ({self.origin})"
        unsupported.refuse(about, asset_selection=asset_selection)
        given = [value for value in (job, jobs, target, job_name) if value is not None]
        if len(given) > 1:
            raise errors.OpweaveInvalidDefinitionError(
                f"{about} is given more than one of job, jobs, target and job_name: give one of them"
            )
        listed = [
            v for value in given for v in (value if isinstance(value, (list, tuple)) else [value])
        ]
        self.targets = instigator.targets_of(listed, about)
        self.minimum_interval_seconds = _checked_interval(minimum_interval_seconds, about)
        self.description = description
        self.default_status = default_status
        self.tags = dict(tags or {})
        self.metadata = dict(metadata or {})
        self.owners = list(owners or ())
        self._function = instigator.EvaluationFunction(
            evaluation_fn, f"the sensor {self.name!r}", required_resource_keys
        )

    @property
    def job_names(self) -> tuple[str, ...]:
        """The names of the jobs that it launches."""
        return tuple(map(instigator.name_of, self.targets))

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """Keys of the resources that its function uses."""
        return self._function.resource_keys

    @property
    def function(self) -> Callable[..., Any]:
        """The user's function, for the digest of definitions."""
        return self._function.function

    def __call__(self, context: Any = None, **resources: Any) -> Any:
        """Call the sensor's function, for tests; `Any`, since the function decides."""
        return self._function.call(context, **resources)


def _checked_interval(given: object, about: str) -> int:
    if given is None:
        return DEFAULT_INTERVAL_SECONDS
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise errors.OpweaveInvalidDefinitionError(
            f"{about} has minimum_interval_seconds={shown(given)}: give whole seconds, 0 or more"
        )
    return given


def sensor(
    job_name: object = None, *, name: str | None = None, **options: Any
) -> Callable[[Callable[..., Any]], SensorDefinition]:
    """Make a function a sensor.

    The function takes a `SensorEvaluationContext` or nothing, and resources annotated with their classes; it returns or
    yields `RunRequest` or `SkipReason`, or returns a `SensorResult`.

    Args:
        job_name: Name of the job to launch.
        name: Default: the function's.
        options: ``job``, ``jobs``, ``target``, ``minimum_interval_seconds``, ``description``, ``default_status``,
            ``required_resource_keys``, ``tags``, ``metadata``, ``owners``.

    Raises:
        OpweaveInvalidDefinitionError: It stands on something else, or the arguments do not go together.
    """
    if callable(job_name):
        raise errors.OpweaveInvalidDefinitionError(
            f"@sensor stands bare on a function ({origins.caller_origin()}): write @sensor(job=...)"
        )

    def decorate(function: Callable[..., Any]) -> SensorDefinition:
        body = instigator.checked_function(function, "sensor")
        described = {"description": inspect.getdoc(body), **options}
        return SensorDefinition(
            name or body.__name__,
            evaluation_fn=body,
            job_name=cast("str | None", job_name),
            **described,
        )

    return decorate
