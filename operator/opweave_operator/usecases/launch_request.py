"""What a launch asks for and what becomes of it.

Every expected end is a value: a caller over HTTP, in a handler or on a tick must tell people what to mend, not catch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opweave.wire import location as wire_location
from opweave_operator.core import model, reexecution


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """A wish for one run, of a job in the code or of a declared job.

    Attributes:
        namespace: Of the location or the declared job; None looks everywhere and refuses an ambiguous name.
        location: Name of the location; None looks for the only one that has *job*.
        job: Name of the job in the code; not needed with *job_resource*.
        job_resource: Name of the declared job, whose config, tags, priority and limits apply where the request is silent.
        run_config: None means the declared job's, or none.
        tags: Go before the declared job's, which go before the job's own.
        priority: None means the tag ``opweave/priority``, the declared job's, or 0.
        op_selection: Ops to run; empty means all.
        asset_selection: Assets to make, in the grammar of selections; empty means the job's own. Without a *job* it is that of
            all assets of the location.
        launched_by: Way and person as far as known: ``cli``, ``graphql``, ``annotation``...
        dedupe_key: A second launch with the same key in the same namespace returns the first one's run.
        run_id: Chosen by the caller: launching the same id twice makes one run, whatever fails in between.
        may_be_late: Whether *run_id* may be older than a day: it was committed then, and its location was away since.
        parent_run_id: The run that this one repeats or continues.
        repeat: Which steps of the parent run again; None means all of the plan. What does not, gives its outputs.
        step_selection: For that.
    """

    namespace: str | None = None
    location: str | None = None
    job: str | None = None
    job_resource: str | None = None
    run_config: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    priority: int | None = None
    op_selection: tuple[str, ...] = ()
    asset_selection: tuple[str, ...] = ()
    launched_by: str = ""
    dedupe_key: str | None = None
    run_id: str | None = None
    may_be_late: bool = False
    parent_run_id: str | None = None
    repeat: reexecution.Strategy | None = None
    step_selection: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReexecutionRequest:
    """A wish to run an ended run again.

    Attributes:
        step_selection: For SELECTED_STEPS: step keys or paths of ops, with ``*`` and ``+``.
        run_config: None means the parent's.
        tags: Go before the parent's.
        run_id: Chosen by the caller: asking twice makes one run.
    """

    parent_run_id: str
    strategy: reexecution.Strategy
    step_selection: tuple[str, ...] = ()
    run_config: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    launched_by: str = ""
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """The run is QUEUED; *is_new* is False when an earlier launch had made it."""

    run: model.Run
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRefused:
    """The run config does not fit the job; all problems at once."""

    problems: tuple[wire_location.ConfigProblem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNotFound:
    """There is no such location, job or declared job; *message* names the closest."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetUnavailable:
    """The location does not serve now; *message* says why and what may help."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRefused:
    """The request itself is wrong: *message* says what and how to mend it."""

    message: str


LaunchFailure = ConfigRefused | TargetNotFound | TargetUnavailable | LaunchRefused
LaunchResult = Launched | LaunchFailure
