"""Schedules and sensors as the operator knows them: what the code says, what a manifest says, and what has happened so far.

Pure values and the one function that puts the three together; engine, handlers and API all read its result.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from opweave.wire import location as wire_location
from opweave_operator.core import ticks
from opweave_operator.core.cron import Cron, CronError, parse

DEFAULT_INTERVAL_SECONDS = 30
DEFAULT_TIMEOUT_SECONDS = 60


class Kind(enum.StrEnum):
    """The two kinds of instigators."""

    SCHEDULE = "SCHEDULE"
    SENSOR = "SENSOR"


class Toggle(enum.StrEnum):
    """What a person has set by UI or command line."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstigatorRef:
    """Whose ticks: *location* is empty for one that is declared without code, and *name* then that of its manifest."""

    kind: Kind
    namespace: str
    location: str
    name: str

    def __str__(self) -> str:
        """Return it as people write it."""
        return "/".join(filter(None, (self.namespace, self.location, self.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A ``Schedule`` or ``Sensor`` manifest.

    Attributes:
        name: Of the object.
        location: With *code_name*, what it refers to; both empty when it launches *job* by itself.
        job: Name of the ``Job`` object to launch.
    """

    kind: Kind
    namespace: str
    name: str
    location: str = ""
    code_name: str = ""
    job: str = ""
    cron: str = ""
    time_zone: str = ""
    is_suspended: bool = False
    catch_up: ticks.CatchUp = ticks.CatchUp.LATEST
    starting_deadline_seconds: int | None = None
    interval_seconds: int | None = None
    timeout_seconds: int | None = None
    watch: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> InstigatorRef:
        """What its ticks are filed under."""
        return InstigatorRef(
            kind=self.kind,
            namespace=self.namespace,
            location=self.location,
            name=self.code_name or self.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstigatorState:
    """What has happened so far.

    Attributes:
        position_at: Of a schedule, up to where its ticks are dealt with; of a sensor, when its last evaluation began.
        running_since: None while it is stopped.
        timing: Of the definition that *position_at* belongs to; another cron begins anew.
        failures: Ticks in a row that failed.
    """

    ref: InstigatorRef
    toggle: Toggle | None = None
    position_at: datetime | None = None
    running_since: datetime | None = None
    timing: str = ""
    cursor: str | None = None
    last_run_key: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instigator:
    """A schedule or sensor with all that is known of it.

    Attributes:
        jobs: Names of the jobs in the code that it may launch; empty with *job_resource*.
        job_resource: Name of the ``Job`` object that it launches.
        is_running: Whether it ticks: the manifest's word goes first, then a person's, then the code's.
        problem: Why it cannot tick although it is running; empty when it can.
    """

    ref: InstigatorRef
    declaration: Declaration | None = None
    state: InstigatorState
    description: str | None = None
    jobs: tuple[str, ...] = ()
    job_resource: str | None = None
    expressions: tuple[str, ...] = ()
    time_zone: str = "UTC"
    interval_seconds: int = DEFAULT_INTERVAL_SECONDS
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    policy: ticks.DuePolicy = field(default_factory=ticks.DuePolicy)
    is_running: bool = False
    is_default_running: bool = False
    problem: str = ""

    @property
    def cron(self) -> Cron:
        """When a schedule ticks.

        Raises:
            CronError: The definition is not valid; *problem* says so too.
        """
        return parse(self.expressions, self.time_zone)

    @property
    def timing(self) -> str:
        """What makes the position meaningless when it changes."""
        return f"{'; '.join(self.expressions)} {self.time_zone}" if self.expressions else ""

    @property
    def is_overridden(self) -> bool:
        """Whether a person has set another state than the manifest, which wins."""
        if self.declaration is None or self.state.toggle is None:
            return False
        return (self.state.toggle is Toggle.STOPPED) != self.declaration.is_suspended


def combined(
    location: wire_location.LocationSnapshot | None,
    ref: InstigatorRef,
    declaration: Declaration | None,
    state: InstigatorState | None,
) -> Instigator:
    """Return the instigator *ref*.

    Args:
        location: What the code of its location defines; None while it is not loaded.
        ref: Which one.
        declaration: Its manifest; None when it exists in the code only.
        state: What has happened; None when nothing has.
    """
    state = state or InstigatorState(ref=ref)
    policy = ticks.DuePolicy()
    if declaration is not None:
        policy = ticks.DuePolicy(
            catch_up=declaration.catch_up, deadline_seconds=declaration.starting_deadline_seconds
        )
    if not ref.location and declaration is not None:
        return _checked(
            Instigator(
                ref=ref,
                declaration=declaration,
                state=state,
                job_resource=declaration.job,
                expressions=(declaration.cron,),
                time_zone=declaration.time_zone or "UTC",
                policy=policy,
                is_running=not declaration.is_suspended,
                is_default_running=True,
            )
        )
    return _of_code(location, ref, declaration, state, policy)


def _of_code(
    location: wire_location.LocationSnapshot | None,
    ref: InstigatorRef,
    declaration: Declaration | None,
    state: InstigatorState,
    policy: ticks.DuePolicy,
) -> Instigator:
    bare = Instigator(ref=ref, declaration=declaration, state=state, policy=policy)
    wanted = is_wanted(declaration, state.toggle, is_default_running=False)
    if location is None:
        return _with(bare, is_running=wanted, problem=f"code location {ref.location} is not loaded")
    if ref.kind is Kind.SCHEDULE:
        for found in location.schedule_details:
            if found.name == ref.name:
                made = _with(
                    bare,
                    description=found.description,
                    jobs=found.jobs,
                    expressions=found.crons,
                    time_zone=found.time_zone or "UTC",
                )
                return _checked(_settled(made, is_default_running=found.is_default_running))
    else:
        for sensor in location.sensor_details:
            if sensor.name == ref.name:
                own, limit = None, None
                if declaration is not None:
                    own, limit = declaration.interval_seconds, declaration.timeout_seconds
                made = _with(
                    bare,
                    description=sensor.description,
                    jobs=sensor.jobs,
                    interval_seconds=sensor.interval_seconds if own is None else own,
                    timeout_seconds=limit or DEFAULT_TIMEOUT_SECONDS,
                )
                return _settled(made, is_default_running=sensor.is_default_running)
    kind = ref.kind.lower()
    return _with(
        bare,
        is_running=wanted,
        problem=f"code location {ref.location} defines no {kind} {ref.name!r}: correct the name, or"
        " define it in the code",
    )


def _settled(made: Instigator, *, is_default_running: bool) -> Instigator:
    return _with(
        made,
        is_default_running=is_default_running,
        is_running=is_wanted(
            made.declaration, made.state.toggle, is_default_running=is_default_running
        ),
    )


def is_wanted(
    declaration: Declaration | None, toggle: Toggle | None, *, is_default_running: bool
) -> bool:
    """Return whether it shall tick: the manifest's word goes first, then a person's, then the code's."""
    if declaration is not None:
        return not declaration.is_suspended
    if toggle is not None:
        return toggle is Toggle.RUNNING
    return is_default_running


def _checked(made: Instigator) -> Instigator:
    try:
        _ = made.cron
    except CronError as error:
        return _with(made, problem=str(error))
    return made


# Any: dataclasses.replace takes any field.
def _with(value: Instigator, **changes: Any) -> Instigator:
    return replace(value, **changes)
