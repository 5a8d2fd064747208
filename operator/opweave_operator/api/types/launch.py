"""Launching, checking and ending: arguments and results."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from opweave.wire import location as wire_location
from opweave_operator.api.request_error import RequestError
from opweave_operator.api.types.run import Run
from opweave_operator.api.types.scalars import Error, TagInput
from opweave_operator.core import reexecution
from opweave_operator.usecases import launch_request, terminate_run


@strawberry.input
class JobSelector:
    """Names a job: *job_name* in a location's code, or *job_resource*, a declared one.

    Without *namespace* or *location_name* the only job of that name is meant.
    """

    namespace: str | None = None
    location_name: str | None = None
    job_name: str | None = None
    job_resource: str | None = None


@strawberry.input
class LaunchParams:
    """What to run and how.

    *run_config* null means the declared job's. *asset_selection* picks assets in the grammar of selections; without a job it is
    the job of all assets. A *run_id* (26 characters, a ULID in lower case) or *dedupe_key* makes a repeated request harmless.
    """

    job: JobSelector
    run_config: JSON | None = None
    tags: list[TagInput] | None = None
    priority: int | None = None
    op_selection: list[str] | None = None
    asset_selection: list[str] | None = None
    run_id: strawberry.ID | None = None
    dedupe_key: str | None = None
    parent_run_id: strawberry.ID | None = None
    launched_by: str = "graphql"

    def request(self) -> launch_request.LaunchRequest:
        """Return the domain's form.

        Raises:
            RequestError: The run config is no object.
        """
        return launch_request.LaunchRequest(
            namespace=self.job.namespace,
            location=self.job.location_name,
            job=self.job.job_name,
            job_resource=self.job.job_resource,
            run_config=config_of(self.run_config),
            tags={tag.key: tag.value for tag in self.tags or ()},
            priority=self.priority,
            op_selection=tuple(self.op_selection or ()),
            asset_selection=tuple(self.asset_selection or ()),
            launched_by=self.launched_by,
            dedupe_key=self.dedupe_key,
            run_id=self.run_id,
            parent_run_id=self.parent_run_id,
        )


strawberry.enum(reexecution.Strategy, name="ReexecutionStrategy")


@strawberry.input
class ReexecutionParams:
    """Which ended run to run again and what of it.

    *step_selection*, for SELECTED_STEPS, names steps by key or op, with * and + before or after. *run_config* null means the
    parent's. *tags* are added to the parent's.
    """

    parent_run_id: strawberry.ID
    strategy: reexecution.Strategy
    step_selection: list[str] | None = None
    run_config: JSON | None = None
    tags: list[TagInput] | None = None
    run_id: strawberry.ID | None = None
    launched_by: str = "graphql"

    def request(self) -> launch_request.ReexecutionRequest:
        """Return the domain's form.

        Raises:
            RequestError: The run config is no object.
        """
        return launch_request.ReexecutionRequest(
            parent_run_id=self.parent_run_id,
            strategy=self.strategy,
            step_selection=tuple(self.step_selection or ()),
            run_config=config_of(self.run_config),
            tags={tag.key: tag.value for tag in self.tags or ()},
            launched_by=self.launched_by,
            run_id=self.run_id,
        )


def config_of(run_config: object) -> dict[str, object] | None:
    """Return a run config from a request.

    Raises:
        RequestError: It is no object.
    """
    if run_config is None or isinstance(run_config, dict):
        return run_config
    raise RequestError(f"runConfig: give an object, not {type(run_config).__name__}")


@strawberry.type
class ConfigError:
    """One thing wrong with a run config; *path* leads from its root to the culprit."""

    path: list[str]
    message: str
    code: str


@strawberry.type
class RunConfigInvalid(Error):
    """The run config does not fit the job; all errors at once."""

    errors: list[ConfigError]

    @classmethod
    def of(cls, problems: tuple[wire_location.ConfigProblem, ...]) -> RunConfigInvalid:
        """Return the GraphQL form of *problems*."""
        return cls(
            message="\n".join(f"{'.'.join(item.path)}: {item.message}" for item in problems),
            errors=[
                ConfigError(path=list(item.path), message=item.message, code=item.code)
                for item in problems
            ],
        )


@strawberry.type
class JobNotFound(Error):
    """There is no such location, job or declared job; the message names the closest."""


@strawberry.type
class LocationUnavailable(Error):
    """The location does not serve now."""


@strawberry.type
class InvalidLaunch(Error):
    """The request itself is wrong."""


@strawberry.type
class LaunchRunSuccess:
    """The run is queued; *is_new* is false when an earlier request had made it."""

    run: Run
    is_new: bool


@strawberry.type
class RunConfigValid:
    """The run config fits; the steps that would run."""

    job_name: str
    step_keys: list[str]


@strawberry.type
class RunConfigScaffold:
    """An example run config as YAML with comments."""

    yaml: str


LaunchError = RunConfigInvalid | JobNotFound | LocationUnavailable | InvalidLaunch

LaunchRunResult = Annotated[
    LaunchRunSuccess | RunConfigInvalid | JobNotFound | LocationUnavailable | InvalidLaunch,
    strawberry.union("LaunchRunResult"),
]
RunConfigValidation = Annotated[
    RunConfigValid | RunConfigInvalid | JobNotFound | LocationUnavailable | InvalidLaunch,
    strawberry.union("RunConfigValidation"),
]
RunConfigScaffoldResult = Annotated[
    RunConfigScaffold | JobNotFound | LocationUnavailable | InvalidLaunch,
    strawberry.union("RunConfigScaffoldResult"),
]


def launch_error_of(failure: launch_request.LaunchFailure) -> LaunchError:
    """Return the GraphQL form of a launch that came to nothing."""
    match failure:
        case launch_request.ConfigRefused(problems=problems):
            return RunConfigInvalid.of(problems)
        case launch_request.TargetNotFound(message=message):
            return JobNotFound(message=message)
        case launch_request.TargetUnavailable(message=message):
            return LocationUnavailable(message=message)
        case launch_request.LaunchRefused(message=message):
            return InvalidLaunch(message=message)


@strawberry.type
class TerminateRunSuccess:
    """The run will end; *is_new* is false when it had been asked before."""

    run: Run
    is_new: bool


@strawberry.type
class RunFinished(Error):
    """The run has ended already."""

    run: Run


@strawberry.type
class RunNotFound(Error):
    """There is no such run."""

    run_id: strawberry.ID


TerminateRunResult = Annotated[
    TerminateRunSuccess | RunFinished | RunNotFound, strawberry.union("TerminateRunResult")
]


def termination_of(
    result: terminate_run.TerminateResult,
) -> TerminateRunSuccess | RunFinished | RunNotFound:
    """Return the GraphQL form of *result*."""
    match result:
        case terminate_run.TerminationRequested(run=run, is_new=is_new):
            return TerminateRunSuccess(run=Run.of(run), is_new=is_new)
        case terminate_run.RunFinished(run=run):
            return RunFinished(run=Run.of(run), message=f"run {run.id} has ended: {run.status}")
        case terminate_run.RunNotFound(run_id=run_id):
            return not_found(run_id)


def not_found(run_id: str) -> RunNotFound:
    """Return the error for an id that no run has."""
    return RunNotFound(run_id=strawberry.ID(run_id), message=f"there is no run {run_id[:64]!r}")
