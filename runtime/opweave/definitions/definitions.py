"""`Definitions`: everything that a code location declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import graph as graphs
from opweave.definitions import job as job_definitions
from opweave.definitions import origin as origins
from opweave.definitions import resource as resource_definitions
from opweave.definitions import unsupported
from opweave.definitions.op import OpDefinition

if TYPE_CHECKING:
    from opweave.definitions.assets import key as asset_keys
    from opweave.definitions.assets import location_assets
    from opweave.definitions.assets.asset_graph import AssetGraph
    from opweave.definitions.assets.assets_definition import AssetsDefinition
    from opweave.definitions.assets.define_job import UnresolvedAssetJobDefinition
    from opweave.definitions.assets.key import CoercibleToAssetKey
    from opweave.definitions.assets.spec import AssetSpec
    from opweave.definitions.schedule import ScheduleDefinition
    from opweave.definitions.sensor import SensorDefinition
    from opweave.execution import digest
else:
    asset_keys = deferred_module("opweave.definitions.assets.key")
    location_assets = deferred_module("opweave.definitions.assets.location_assets")
    digest = deferred_module("opweave.execution.digest")


_Instigator = TypeVar("_Instigator", "ScheduleDefinition", "SensorDefinition")


class Definitions:
    """What a code location declares; one per location.

    Args:
        assets: Assets, and specs of those that others write.
        jobs: Jobs, or graphs, which become jobs, or jobs of assets.
        schedules: Their jobs become jobs of the location too.
        sensors: The same.
        resources: For all jobs, by key: resource definitions, configurable resources, I/O managers or plain objects.
        asset_checks: Checks of the assets.

    Raises:
        OpweaveInvalidDefinitionError: Two jobs share a name, an op requires a resource that nobody defines, or the assets do not
            fit together.
    """

    def __init__(
        self,
        assets: Iterable[object] | None = None,
        schedules: Iterable[object] | None = None,
        sensors: Iterable[object] | None = None,
        jobs: Iterable[
            job_definitions.JobDefinition | graphs.GraphDefinition | UnresolvedAssetJobDefinition
        ]
        | None = None,
        resources: Mapping[str, Any] | None = None,
        executor: object = None,
        loggers: Mapping[str, object] | None = None,
        asset_checks: Iterable[object] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.origin = origins.caller_origin()
        owner = f"Definitions ({self.origin})"
        assets, asset_checks, jobs = list(assets or ()), list(asset_checks or ()), list(jobs or ())
        schedules, sensors = list(schedules or ()), list(sensors or ())
        self._given: dict[str, list[Any]] = {
            "assets": assets,
            "asset_checks": asset_checks,
            "jobs": jobs,
            "schedules": schedules,
            "sensors": sensors,
        }
        unsupported.refuse(
            owner,
            executor=executor,
            loggers=loggers,
        )
        self.resources = {
            key: resource_definitions.as_resource(value, key)
            for key, value in (resources or {}).items()
        }
        self.metadata = dict(metadata or {})
        self._jobs: dict[str, job_definitions.JobDefinition] = {}
        of_assets: list[Any] = []
        for given in jobs:
            if hasattr(given, "__opweave_asset_job__"):
                of_assets.append(given)
            else:
                self._add(_as_job(given, owner).with_resources(self.resources), owner)
        for instigator in (*schedules, *sensors):
            known = [job.name for job in of_assets]
            of_assets += [
                target
                for target in getattr(instigator, "targets", ())
                if hasattr(target, "__opweave_asset_job__") and target.name not in known
            ]
        self._assets: location_assets.LocationAssets | None = None
        everything = [*assets, *asset_checks]
        if everything or of_assets:
            location_assets.checked_job_names(of_assets, self._jobs)
            self._assets = location_assets.LocationAssets(
                everything, of_assets, self.resources, owner
            )
        self._schedules: dict[str, ScheduleDefinition] = {}
        self._sensors: dict[str, SensorDefinition] = {}
        for schedule in schedules:
            if getattr(schedule, "__opweave_instigator__", None) != "schedule":
                raise errors.OpweaveInvalidDefinitionError(
                    f"{owner} is given {shown(schedule)} among its schedules: put @schedule on it"
                )
            self._add_instigator(cast("ScheduleDefinition", schedule), self._schedules, owner)
        for sensor in sensors:
            if getattr(sensor, "__opweave_instigator__", None) != "sensor":
                raise errors.OpweaveInvalidDefinitionError(
                    f"{owner} is given {shown(sensor)} among its sensors: put @sensor on it"
                )
            self._add_instigator(cast("SensorDefinition", sensor), self._sensors, owner)

    @classmethod
    def merge(cls, *def_sets: Definitions) -> Definitions:
        """Return one `Definitions` with everything that *def_sets* declare; resources are for all of it.

        Raises:
            OpweaveInvalidDefinitionError: Two of them define different resources or metadata for one key, or what they declare
                does not fit together.
        """
        # Arguments by name, of which each has a type of its own.
        together: dict[str, Any] = {}
        resources: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        for given in def_sets:
            if not isinstance(given, Definitions):
                raise errors.OpweaveInvalidDefinitionError(
                    f"Definitions.merge ({origins.caller_origin()}) is given {shown(given)}: give Definitions objects"
                )
            for kind, values in given._given.items():
                known = together.setdefault(kind, [])
                known += [v for v in values if not any(v is other for other in known)]
            _take("resource", given.resources, resources, given.origin)
            _take("metadata", given.metadata, metadata, given.origin)
        return cls(**together, resources=resources, metadata=metadata)

    def _add_instigator(self, given: _Instigator, into: dict[str, _Instigator], owner: str) -> None:
        other = self._schedules.get(given.name) or self._sensors.get(given.name)
        if other is not None:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has two schedules or sensors called {given.name!r} ({other.origin} and {given.origin}):"
                " rename one of them"
            )
        names = [*self._jobs, *(self._assets.job_names if self._assets is not None else ())]
        for target in given.targets:
            name = target if isinstance(target, str) else target.name
            if name in names:
                continue
            if not isinstance(target, job_definitions.JobDefinition):
                hint = errors.did_you_mean(name, names)
                known = ", ".join(names) or "none"
                raise errors.OpweaveInvalidDefinitionError(
                    f"{given.name!r} ({given.origin}) launches job {name!r:.120}, which {owner} does not have"
                    f"{hint or f'; its jobs: {known}'}"
                )
            self._add(target.with_resources(self.resources), owner)
        into[given.name] = given
        self.resources_of(given)

    def resources_of(
        self, given: ScheduleDefinition | SensorDefinition
    ) -> dict[str, resource_definitions.ResourceDefinition]:
        """Return the resources that a schedule or sensor uses, each after those that it uses itself.

        Raises:
            OpweaveInvalidDefinitionError: A key has no resource.
        """
        found: dict[str, resource_definitions.ResourceDefinition] = {}

        def require(key: str, user: str, chain: tuple[str, ...]) -> None:
            if key in chain:
                raise errors.OpweaveInvalidDefinitionError(
                    f"resources of {given.name!r} need each other: {' -> '.join((*chain, key))}"
                )
            definition = self.resources.get(key)
            if definition is None:
                hint = errors.did_you_mean(key, self.resources)
                raise errors.OpweaveInvalidDefinitionError(
                    f"{user} needs the resource {key!r}, which Definitions ({self.origin}) does not have{hint}"
                )
            if key not in found:
                for other in sorted(definition.required_resource_keys):
                    require(other, f"the resource {key!r}", (*chain, key))
                found[key] = definition

        for key in sorted(given.required_resource_keys):
            require(key, f"{given.name!r} ({given.origin})", ())
        return found

    @property
    def schedules(self) -> tuple[ScheduleDefinition, ...]:
        """The schedules, in the order in which they were given."""
        return tuple(self._schedules.values())

    @property
    def sensors(self) -> tuple[SensorDefinition, ...]:
        """The sensors, in the order in which they were given."""
        return tuple(self._sensors.values())

    def get_schedule_def(self, name: str) -> ScheduleDefinition:
        """Return the schedule called *name*.

        Raises:
            OpweaveInvariantViolationError: There is none.
        """
        return _named(self._schedules, name, "schedule")

    def get_sensor_def(self, name: str) -> SensorDefinition:
        """Return the sensor called *name*.

        Raises:
            OpweaveInvariantViolationError: There is none.
        """
        return _named(self._sensors, name, "sensor")

    def _add(self, job: job_definitions.JobDefinition, owner: str) -> None:
        other = self._jobs.get(job.name)
        if other is not None:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has two jobs called {job.name!r} ({other.origin} and {job.origin}): rename one of them"
            )
        job.required_resources()
        self._jobs[job.name] = job

    @property
    def jobs(self) -> tuple[job_definitions.JobDefinition, ...]:
        """The jobs with the location's resources: those of ops as they were given, then those of assets.

        Raises:
            OpweaveInvalidSubsetError: The selection of a job of assets names what does not exist.
            OpweaveInvalidDefinitionError: A job of assets requires a resource that nobody defines.
        """
        of_assets = self._assets.jobs() if self._assets is not None else ()
        return (*self._jobs.values(), *of_assets)

    def get_job_def(self, name: str) -> job_definitions.JobDefinition:
        """Return the job called *name*.

        Raises:
            OpweaveInvariantViolationError: There is none.
        """
        job = self._jobs.get(name)
        of_assets = self._assets.job_names if self._assets is not None else []
        if self._assets is not None and name in of_assets:
            return self._assets.job(name)
        if job is None:
            hint = errors.did_you_mean(name, [*self._jobs, *of_assets])
            known = ", ".join([*self._jobs, *of_assets]) or "none"
            raise errors.OpweaveInvariantViolationError(
                f"there is no job {name!r:.120} in Definitions ({self.origin}){hint or f'; its jobs: {known}'}"
            )
        return job

    resolve_job_def = get_job_def

    def get_asset_graph(self) -> AssetGraph:
        """Return the location's assets and how they depend on each other; it may be empty."""
        if self._assets is None:
            self._assets = location_assets.LocationAssets(
                [], [], self.resources, f"Definitions ({self.origin})"
            )
        return self._assets.graph

    resolve_asset_graph = get_asset_graph

    def get_assets_def(self, key: CoercibleToAssetKey) -> AssetsDefinition:
        """Return the definition of the asset *key*.

        Raises:
            OpweaveInvalidSubsetError: There is none.
        """
        return self.get_asset_graph().require(asset_keys.AssetKey.from_coercible(key))

    resolve_assets_def = get_assets_def

    def get_all_asset_specs(self) -> list[AssetSpec]:
        """Return what is told of each asset, upstream before downstream."""
        graph = self.get_asset_graph()
        return [graph.specs[key] for key in graph.sorted_keys]

    resolve_all_asset_specs = get_all_asset_specs

    def get_implicit_global_asset_job_def(self) -> job_definitions.JobDefinition:
        """Return the job of all assets.

        Raises:
            OpweaveInvariantViolationError: There are no assets.
        """
        return self.get_job_def("__ASSET_JOB")

    resolve_implicit_global_asset_job_def = get_implicit_global_asset_job_def

    def definitions_hash(self) -> str:
        """Return a digest of the structure of all jobs and of the source text of their ops and resources."""
        return digest.digest_of(self)


def _named(known: Mapping[str, _Instigator], name: str, kind: str) -> _Instigator:
    if name not in known:
        listed = ", ".join(known) or "none"
        hint = errors.did_you_mean(name, known) or f" (there is {listed})"
        raise errors.OpweaveInvariantViolationError(f"there is no {kind} {name!r:.120}{hint}")
    return known[name]


def _take(
    what: str, given: Mapping[str, Any], into: dict[str, Any], origin: origins.Origin
) -> None:
    """Add *given* to *into*; the same key may come again with the same value only."""
    for key, value in given.items():
        if key in into and into[key] is not value and into[key] != value:
            raise errors.OpweaveInvalidDefinitionError(
                f"Definitions.merge is given two different values of the {what} {key!r}, the second by Definitions ({origin}): "
                "define it in one of them"
            )
        into[key] = value


def _as_job(given: object, owner: str) -> job_definitions.JobDefinition:
    if isinstance(given, job_definitions.JobDefinition):
        return given
    if isinstance(given, graphs.GraphDefinition):
        return given.to_job()
    if isinstance(given, OpDefinition):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given {given} among its jobs: an op runs in a job; write a function under @job that calls "
            f"{given.name}(...), and give that"
        )
    raise errors.OpweaveInvalidDefinitionError(
        f"{owner} is given {shown(given)} among its jobs: put @job on it"
    )
