"""What user code is given: contexts of ops, of resources that are set up, of inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import metadata as metadata_values
from opweave.definitions import types as value_types
from opweave.definitions.op import OpDefinition
from opweave.execution.events import StepEvents
from opweave.execution.op_use import OpHandle, OpUse

if TYPE_CHECKING:
    import logging

    from opweave.definitions.assets.key import AssetKey
    from opweave.definitions.job import JobDefinition
    from opweave.execution import log as logs
else:
    logs = deferred_module("opweave.execution.log")


class Resources:
    """Resources as attributes."""

    def __init__(self, values: Mapping[str, Any], user: str) -> None:
        self._values = dict(values)
        self._user = user

    def __getattr__(self, key: str) -> Any:
        """Return the resource *key*; `Any`, since users define it.

        Raises:
            OpweaveUnknownResourceError: The user of the resources did not ask for it.
        """
        if key.startswith("_"):
            raise AttributeError(key)
        if key in self._values:
            return self._values[key]
        known = ", ".join(sorted(self._values)) or "none"
        hint = errors.did_you_mean(key, self._values)
        raise errors.OpweaveUnknownResourceError(
            f"{self._user} uses the resource {key!r}, which it does not require{hint or f' (it has: {known})'}; add it to "
            "required_resource_keys, or take it as a parameter annotated with its class"
        )

    def _asdict(self) -> dict[str, Any]:
        return dict(self._values)


class RunInfo:
    """The run that a step belongs to.

    Attributes:
        tags: Of the run.
        run_config: As far as the step may see it.
    """

    __slots__ = ("job_name", "parent_run_id", "root_run_id", "run_config", "run_id", "tags")

    def __init__(
        self,
        run_id: str,
        job_name: str,
        tags: Mapping[str, str] | None = None,
        run_config: Mapping[str, Any] | None = None,
        parent_run_id: str | None = None,
        root_run_id: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.job_name = job_name
        self.tags = dict(tags or {})
        self.run_config = dict(run_config or {})
        self.parent_run_id = parent_run_id
        self.root_run_id = root_run_id


class StepLogging:
    """Gives a context its logger when it is first used."""

    _events: StepEvents
    _run: RunInfo
    _log: logging.Logger | None = None

    @property
    def log(self) -> logging.Logger:
        """A standard logger; what it is told is kept with the run."""
        if self._log is None:
            self._log = logs.step_logger(self._events, self._run.job_name, self._run.run_id)
        return self._log


class OpExecutionContext(StepLogging):
    """What an op's body knows of its step.

    Attributes:
        resources: Those that the op requires.
        op_config: Its config, environment references resolved.
        op_def: The op's definition; None in a context that was built for a test and is not in a call.
        retry_number: 0 in the first try.
        step_key: Path of the op in the job.
    """

    __opweave_context__ = True
    is_for_assets = False
    """Whether the op's outputs are assets or its body checks some; see `asset_context`."""
    has_reported_results = False
    """Whether an external process has reported by pipes: the body of an asset returns its results, or yields them."""

    def __init__(
        self,
        *,
        run: RunInfo,
        events: StepEvents,
        resources: Resources,
        op_config: Any,
        op_def: OpDefinition[Any, Any] | None = None,
        retry_number: int = 0,
        op_tags: Mapping[str, Any] | None = None,
        job_def: JobDefinition | None = None,
    ) -> None:
        self._run = run
        self._events = events
        self.resources = resources
        self.op_config = op_config
        self.op_def = op_def
        self._job_def = job_def
        self.retry_number = retry_number
        self.op_tags = dict(op_tags or {})
        self.step_key = events.step_key
        self.output_metadata: dict[
            str | tuple[str, str], dict[str, metadata_values.MetadataValue]
        ] = {}

    @property
    def opweave_run(self) -> RunInfo:
        """The run."""
        return self._run

    run = opweave_run

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self._run.run_id

    @property
    def job_name(self) -> str:
        """Name of the job."""
        return self._run.job_name

    @property
    def job_def(self) -> JobDefinition:
        """The job.

        Raises:
            OpweaveInvariantViolationError: The op is called directly, outside of any job.
        """
        if self._job_def is None:
            raise errors.OpweaveInvariantViolationError(
                "context.job_def is used in a direct call, which belongs to no job: run the op by execute_in_process"
            )
        return self._job_def

    @property
    def op_handle(self) -> OpHandle:
        """Where the op stands in its job."""
        if self._job_def is None and self.op_def is not None:
            return OpHandle((self.op_def.name,))
        return OpHandle(tuple(self.step_key.partition("[")[0].split(".")))

    @property
    def op(self) -> OpUse:
        """The op as its job uses it: name, definition and tags.

        Raises:
            OpweaveInvariantViolationError: The context was built for a test and is not in a call of an op.
        """
        if self.op_def is None:
            raise errors.OpweaveInvariantViolationError(
                "context.op is used outside of a call of an op: pass the context to one"
            )
        return OpUse(self.op_handle.name, self.op_def, self.op_tags)

    @property
    def run_tags(self) -> Mapping[str, str]:
        """Tags of the run."""
        return self._run.tags

    @property
    def run_config(self) -> Mapping[str, Any]:
        """Config of the run, as far as this step may see it."""
        return self._run.run_config

    def has_tag(self, key: str) -> bool:
        """Return whether the run has the tag *key*."""
        return key in self._run.tags

    def get_tag(self, key: str) -> str | None:
        """Return the run's tag *key*, or None."""
        return self._run.tags.get(key)

    def log_event(self, event: object) -> None:
        """Put an `AssetMaterialization`, `AssetObservation` or `ExpectationResult` into the run's log at once.

        Raises:
            OpweaveInvariantViolationError: It is none of these.
        """
        self._events.user_event(event)

    def add_output_metadata(
        self,
        metadata: Mapping[str, Any],
        output_name: str | None = None,
        mapping_key: str | None = None,
    ) -> None:
        """Attach *metadata* to an output that the body has not given yet.

        Args:
            metadata: Texts, numbers, dicts, lists, paths, or `MetadataValue` objects.
            output_name: May be left out when the op has one output.
            mapping_key: Of the member, when the output is dynamic.

        Raises:
            OpweaveInvariantViolationError: The op has no such output, or several and none is named.
        """
        known = list(self.op_def.outputs) if self.op_def is not None else ["result"]
        if output_name is None:
            if len(known) != 1:
                raise errors.OpweaveInvariantViolationError(
                    f"add_output_metadata in {self.step_key}: say output_name=, one of {', '.join(known)}"
                )
            output_name = known[0]
        if output_name not in known:
            hint = errors.did_you_mean(output_name, known)
            raise errors.OpweaveInvariantViolationError(
                f"add_output_metadata in {self.step_key}: there is no output {output_name!r:.100}{hint}"
            )
        key = output_name if mapping_key is None else (output_name, mapping_key)
        values = self.output_metadata.setdefault(key, {})
        values.update(metadata_values.normalize_metadata(metadata))

    def get_output_metadata(
        self, output_name: str = "result", mapping_key: str | None = None
    ) -> Mapping[str, Any]:
        """Return what `add_output_metadata` attached, for tests."""
        key = output_name if mapping_key is None else (output_name, mapping_key)
        return {label: v.value for label, v in self.output_metadata.get(key, {}).items()}

    def get_mapping_key(self) -> str | None:
        """Return the mapping key of the member that the step was made for; None in a step that is not mapped."""
        _, bracket, rest = self.step_key.partition("[")
        return rest.rstrip("]") if bracket else None


class InitResourceContext(StepLogging):
    """What a resource's set-up knows.

    Attributes:
        resource_config: Its config, environment references resolved.
        resources: Those that it requires.
    """

    def __init__(
        self,
        *,
        run: RunInfo,
        events: StepEvents,
        resource_config: Any = None,
        resources: Resources | None = None,
        resource_key: str = "",
    ) -> None:
        self._run = run
        self._events = events
        self.resource_config = resource_config
        self.resource_key = resource_key
        self.resources = resources or Resources({}, f"the resource {resource_key!r}")

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self._run.run_id

    @property
    def opweave_run(self) -> RunInfo:
        """The run."""
        return self._run

    run = opweave_run


class OutputContext(StepLogging):
    """What an I/O manager knows of an output that it stores, or that an input asks for.

    Attributes:
        metadata: Of the output's definition.
        opweave_type: What its value was checked against.
        resource_config: Config of the I/O manager.
        config: What run config says of this output, by the I/O manager's ``output_config_schema``.
    """

    def __init__(
        self,
        *,
        run: RunInfo,
        events: StepEvents,
        step_key: str,
        name: str,
        mapping_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        opweave_type: value_types.OpweaveType = value_types.AnyType,
        op_def: OpDefinition[Any, Any] | None = None,
        resources: Resources | None = None,
        resource_config: Any = None,
        asset_key: AssetKey | None = None,
        config: Any = None,
    ) -> None:
        self._run = run
        self._events = events
        self._asset_key = asset_key
        self.step_key = step_key
        self.name = name
        self.mapping_key = mapping_key
        self.metadata = dict(metadata or {})
        self.opweave_type = opweave_type
        self.op_def = op_def
        self.resources = resources or Resources({}, f"the I/O manager of {step_key}.{name}")
        self.resource_config = resource_config
        self.config = config
        self.logged_metadata: dict[str, metadata_values.MetadataValue] = {}

    @property
    def run_id(self) -> str:
        """Id of the run that made the output; not always the present one."""
        return self._run.run_id

    @property
    def job_name(self) -> str:
        """Name of the job."""
        return self._run.job_name

    @property
    def has_asset_key(self) -> bool:
        """Whether the output is an asset."""
        return self._asset_key is not None

    @property
    def asset_key(self) -> AssetKey:
        """The asset that the output is.

        Raises:
            OpweaveInvariantViolationError: It is none.
        """
        return _asset_key(self._asset_key, f"the output {self.step_key}.{self.name}")

    def get_asset_identifier(self) -> list[str]:
        """Return the parts of the asset's key: the same for every run, so that a new value replaces the old.

        Raises:
            OpweaveInvariantViolationError: The output is no asset.
        """
        return list(self.asset_key.path)

    def get_identifier(self) -> list[str]:
        """Return what tells this output from all others: run id, step key, name, and mapping key if there is one."""
        identifier = [self.run_id, self.step_key, self.name]
        return identifier if self.mapping_key is None else [*identifier, self.mapping_key]

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Attach *metadata* to the event that tells of the storing."""
        self.logged_metadata.update(metadata_values.normalize_metadata(metadata))

    def log_event(self, event: object) -> None:
        """Put an event into the run's log at once."""
        self._events.user_event(event)


class InputContext(StepLogging):
    """What an I/O manager knows of an input that it loads.

    Attributes:
        upstream_output: Where the value was stored; None when no op feeds the input.
        metadata: Of the input's definition.
        opweave_type: What the value will be checked against.
        resource_config: Config of the manager that loads it.
        config: What run config says of this input, by the manager's ``input_config_schema``.
    """

    def __init__(
        self,
        *,
        run: RunInfo,
        events: StepEvents,
        name: str,
        upstream_output: OutputContext | None = None,
        metadata: Mapping[str, Any] | None = None,
        opweave_type: value_types.OpweaveType = value_types.AnyType,
        op_def: OpDefinition[Any, Any] | None = None,
        resources: Resources | None = None,
        resource_config: Any = None,
        config: Any = None,
    ) -> None:
        self._run = run
        self._events = events
        self.name = name
        self.upstream_output = upstream_output
        self.metadata = dict(metadata or {})
        self.opweave_type = opweave_type
        self.op_def = op_def
        self.resources = resources or Resources({}, f"the I/O manager of input {name}")
        self.resource_config = resource_config
        self.config = config

    @property
    def run_id(self) -> str:
        """Id of the run that loads the input."""
        return self._run.run_id

    @property
    def job_name(self) -> str:
        """Name of the job."""
        return self._run.job_name

    @property
    def step_key(self) -> str:
        """Key of the step that loads the input."""
        return self._events.step_key

    @property
    def has_asset_key(self) -> bool:
        """Whether the input is an asset."""
        return self.upstream_output is not None and self.upstream_output.has_asset_key

    @property
    def asset_key(self) -> AssetKey:
        """The asset that the input is.

        Raises:
            OpweaveInvariantViolationError: It is none.
        """
        return self._upstream().asset_key

    def get_asset_identifier(self) -> list[str]:
        """Return the parts of the asset's key.

        Raises:
            OpweaveInvariantViolationError: The input is no asset.
        """
        return self._upstream().get_asset_identifier()

    def get_identifier(self) -> list[str]:
        """Return the identifier of the upstream output.

        Raises:
            OpweaveInvariantViolationError: No op feeds the input.
        """
        return self._upstream().get_identifier()

    def _upstream(self) -> OutputContext:
        if self.upstream_output is None:
            raise errors.OpweaveInvariantViolationError(
                f"the input {self.name!r} of {self.step_key!r} is fed by no output, so it has no identifier: load it from "
                "where its metadata or config says"
            )
        return self.upstream_output


def _asset_key(key: AssetKey | None, what: str) -> AssetKey:
    if key is None:
        raise errors.OpweaveInvariantViolationError(
            f"{what} is no asset: ask has_asset_key first, or use get_identifier()"
        )
    return key


def restricted(values: Mapping[str, Any], keys: Iterable[str], user: str) -> Resources:
    """Return those of *values* that *user* required by *keys*."""
    return Resources({key: values[key] for key in keys if key in values}, user)


def check_input_manager(value: object, key: str, user: str) -> Any:
    """Return *value* if it can load; `Any`, because any object with the method is welcome.

    Raises:
        OpweaveInvariantViolationError: It cannot.
    """
    if callable(getattr(value, "load_input", None)):
        return value
    raise errors.OpweaveInvariantViolationError(
        f"{user} uses the resource {key!r} as its input manager, which is {shown(value)}: give an InputManager, "
        "with load_input"
    )


def check_io_manager(value: object, key: str, user: str) -> Any:
    """Return *value* if it can store and load; `Any`, because any object with the two methods is welcome.

    Raises:
        OpweaveInvariantViolationError: It cannot.
    """
    if callable(getattr(value, "handle_output", None)) and callable(
        getattr(value, "load_input", None)
    ):
        return value
    raise errors.OpweaveInvariantViolationError(
        f"{user} uses the resource {key!r} as its I/O manager, which is {shown(value)}: give an IOManager, "
        "with handle_output and load_input"
    )
