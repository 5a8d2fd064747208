"""Jobs: graphs that can be run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, overload

from opweave import errors
from opweave.deferred import deferred_module
from opweave.definitions import graph as graphs
from opweave.definitions import hook as hook_definitions
from opweave.definitions import job_config, selection, structure, unsupported
from opweave.definitions import origin as origins
from opweave.definitions import resource as resources
from opweave.definitions import run_config as run_configs
from opweave.definitions.retry_policy import RetryPolicy
from opweave.wire.plan import OutputRef

if TYPE_CHECKING:
    from opweave.config.types import ConfigType
    from opweave.definitions import config_mapping
    from opweave.definitions.assets.asset_job import AssetLayer
    from opweave.definitions.config_mapping import ConfigMapping
    from opweave.execution import in_process
    from opweave.execution.result import ExecuteInProcessResult
else:
    config_mapping = deferred_module("opweave.definitions.config_mapping")
    in_process = deferred_module("opweave.execution.in_process")

DEFAULT_IO_MANAGER_KEY = "io_manager"
"""The resource that stores outputs which name no other; there is always one."""


class JobDefinition:
    """A graph with the resources, config and tags that it runs with.

    Attributes:
        graph: What it runs.
        structure: The same taken apart into ops.
        resource_defs: Its own resources by key; `Definitions` adds its own to them.
        run_config: Used when a run is given none.
        input_values: Values of the graph's own inputs; run config gives the others.
        asset_layer: What its ops have to do with assets, in a job of assets.

    Raises:
        OpweaveInvalidDefinitionError: The graph is cyclic, or an input is fed by nothing.
    """

    def __init__(
        self,
        graph: graphs.GraphDefinition,
        *,
        name: str | None = None,
        description: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        config: run_configs.RunConfig | Mapping[str, Any] | ConfigMapping | None = None,
        tags: Mapping[str, Any] | None = None,
        run_tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        op_retry_policy: RetryPolicy | None = None,
        input_values: Mapping[str, Any] | None = None,
        hooks: AbstractSet[hook_definitions.HookDefinition] | None = None,
        executor_def: object = None,
        logger_defs: object = None,
        partitions_def: object = None,
        asset_layer: AssetLayer | None = None,
    ) -> None:
        self.graph = graph
        self.origin = graph.origin
        self.name = origins.checked_name(name or graph.name, "a job", self.origin)
        self.description = description or graph.description
        unsupported.refuse(
            str(self),
            executor_def=executor_def,
            logger_defs=logger_defs,
            partitions_def=partitions_def,
        )
        self.resource_defs = {
            key: resources.as_resource(value, key) for key, value in (resource_defs or {}).items()
        }
        is_mapping = graphs.is_config_mapping(config)
        self.config_mapping: ConfigMapping | None = config if is_mapping else None  # type: ignore[assignment]  # it is one
        self.run_config = run_configs.as_config_dict(None if is_mapping else config)  # type: ignore[arg-type]  # it is none
        self._check_mappings()
        self.tags = {**_run_tags(graph.tags), **_run_tags(tags), **_run_tags(run_tags)}
        self.metadata = dict(metadata or {})
        if op_retry_policy is not None and not isinstance(op_retry_policy, RetryPolicy):
            raise errors.OpweaveInvalidDefinitionError(
                f"{self} has op_retry_policy={op_retry_policy!r:.60}: give a RetryPolicy"
            )
        self.op_retry_policy = op_retry_policy
        self.hooks = hook_definitions.checked(hooks, str(self))
        self.input_values = dict(input_values or {})
        self.asset_layer = asset_layer
        self.structure = self._structure()
        job_config.check_unconnected(self.structure)

    def _check_mappings(self) -> None:
        if self.config_mapping is not None:
            config_mapping.check_for_job(self.config_mapping, str(self))
        if self.graph.config_mapping is not None:
            raise errors.OpweaveInvalidDefinitionError(
                f"{self} runs {self.graph}, whose config is mapped, by itself: give the mapping to the job, "
                "to_job(config=...), or use the graph in a job"
            )
        self.graph_mappings = dict(graphs.mappings_in(self.graph))

    def _structure(self) -> structure.JobStructure:
        plain = structure.structure_of(self.graph, str(self), self.input_values)
        return plain if self.asset_layer is None else self.asset_layer.dress(plain)

    def __str__(self) -> str:
        """Return kind, name and place."""
        return f"job {self.name!r} ({self.origin})"

    def __repr__(self) -> str:
        """Return the same, for messages and debuggers."""
        return f"<{self}>"

    def with_resources(self, defaults: Mapping[str, resources.ResourceDefinition]) -> JobDefinition:
        """Return the job with *defaults* for the keys that it defines no resource for."""
        copy = JobDefinition.__new__(JobDefinition)
        copy.__dict__.update(self.__dict__)
        copy.resource_defs = {**defaults, **self.resource_defs}
        return copy

    def with_input_values(self, input_values: Mapping[str, Any]) -> JobDefinition:
        """Return the job with *input_values* besides those that it has.

        Raises:
            OpweaveInvalidDefinitionError: One is no input of the job.
        """
        copy = self.with_resources({})
        copy.input_values = {**self.input_values, **input_values}
        copy.structure = copy._structure()
        return copy

    def replacing_resources(
        self, replacements: Mapping[str, resources.ResourceDefinition]
    ) -> JobDefinition:
        """Return the job with *replacements* in place of its resources of the same keys."""
        copy = self.with_resources({})
        copy.resource_defs.update(replacements)
        return copy

    def required_resources(
        self, nodes: Iterable[structure.OpNode] | None = None
    ) -> dict[str, resources.ResourceDefinition]:
        """Return the resources that *nodes* (default: all) use, each after those that it uses itself.

        The default I/O manager is left out when the job defines none: its caller supplies it.

        Raises:
            OpweaveInvalidDefinitionError: A key has no resource.
        """
        found: dict[str, resources.ResourceDefinition] = {}
        for node in self.structure.nodes.values() if nodes is None else nodes:
            for key in sorted(self._resource_keys(node)):
                self._require(key, f"{node.path!r} in {self}", found, ())
        return found

    def _resource_keys(self, node: structure.OpNode) -> set[str]:
        """Return the keys that running *node* needs, those of the I/O managers that hold its inputs included."""
        definition = node.definition
        keys = set(definition.required_resource_keys)
        keys.update(*(hook.required_resource_keys for hook in self.hooks_of(node)))
        keys |= {o.io_manager_key for o in definition.outputs.values() if not o.is_nothing}
        for name, fed in node.inputs.items():
            if not definition.inputs[name].is_nothing:
                keys |= {self.input_manager_key(node, name, source) for source in fed.sources}
        if node.assets is not None:
            keys |= {
                definition.inputs[name].input_manager_key or given.io_manager_key
                for name, given in node.assets.inputs.items()
                if not given.is_nothing and name not in node.inputs
            }
        for name in self.structure.unconnected(node):
            key = definition.inputs[name].input_manager_key
            if key is not None:
                keys.add(key)
        return keys

    def hooks_of(self, node: structure.OpNode) -> tuple[hook_definitions.HookDefinition, ...]:
        """Return the hooks that are called when *node* has ended: the job's, then its own."""
        return hook_definitions.merged(self.hooks, node.hooks)

    def with_hooks(self, hooks: AbstractSet[hook_definitions.HookDefinition]) -> JobDefinition:
        """Return the job with more *hooks*, for all of its steps."""
        copy = self.with_resources({})
        more = hook_definitions.checked(hooks, str(self))
        copy.hooks = hook_definitions.merged(self.hooks, more)
        return copy

    def input_manager_key(self, node: structure.OpNode, input_name: str, source: OutputRef) -> str:
        """Return the key of the I/O manager that loads *source* for an input of *node*."""
        own = node.definition.inputs[input_name].input_manager_key
        if own is not None:
            return own
        upstream = self.structure.nodes[source.step_key].definition
        return upstream.outputs[source.output_name].io_manager_key

    def _require(
        self,
        key: str,
        user: str,
        found: dict[str, resources.ResourceDefinition],
        chain: tuple[str, ...],
    ) -> None:
        if key in chain:
            raise errors.OpweaveInvalidDefinitionError(
                f"resources of {self} need each other: {' -> '.join((*chain, key))}"
            )
        if key in found:
            return
        definition = self.resource_defs.get(key)
        if definition is None:
            if key == DEFAULT_IO_MANAGER_KEY:
                return
            hint = errors.did_you_mean(key, self.resource_defs)
            known = ", ".join(sorted(self.resource_defs)) or "none"
            raise errors.OpweaveInvalidDefinitionError(
                f"{user} requires the resource {key!r}, which is not defined{hint or f' (defined: {known})'}; "
                "define it in Definitions(resources=...) or in the job's resource_defs"
            )
        for other in sorted(definition.required_resource_keys):
            self._require(other, f"the resource {key!r} of {self}", found, (*chain, key))
        found[key] = definition

    def selected(self, op_selection: Sequence[str]) -> structure.JobStructure:
        """Return the ops that *op_selection* names; all when it is empty.

        Raises:
            OpweaveInvalidSubsetError: It is no list, or a part of it names nothing.
        """
        selection.check_list(op_selection, str(self))
        if not op_selection:
            return self.structure
        return self.structure.select(selection.select(self.structure, op_selection))

    def run_config_type(
        self, within: structure.JobStructure | None = None, *, requires_inputs: bool = True
    ) -> ConfigType:
        """Return the type of its run config when the ops of *within* (default: all) run; a mapped one is the outer one."""
        selected = within or self.structure
        ignored = [path for path in self.structure.nodes if path not in selected.nodes]
        made = job_config.run_config_type(
            selected,
            self.required_resources(selected.nodes.values()),
            ignored,
            self.graph_mappings,
            requires_inputs=requires_inputs,
        )
        return made if self.config_mapping is None else self.config_mapping.over(made)

    def expanded_run_config(
        self, run_config: Mapping[str, Any], op_paths: Iterable[str]
    ) -> Mapping[str, Any]:
        """Return the complete *run_config* as steps read it, with config mappings done.

        Args:
            run_config: From `complete_run_config`, or the part of it for *op_paths*.
            op_paths: The ops that run.

        Raises:
            OpweaveInvalidConfigError: What a mapping returns is wrong, or it needs a variable that is not set.
        """
        if self.config_mapping is None and not self.graph_mappings:
            return run_config
        config_type = self.run_config_type(
            self.structure.select(frozenset(op_paths)), requires_inputs=False
        )
        made: Mapping[str, Any] = config_mapping.expanded(config_type, run_config)
        return made

    def complete_run_config(
        self,
        run_config: run_configs.RunConfig | Mapping[str, Any] | None = None,
        within: structure.JobStructure | None = None,
    ) -> dict[str, Any]:
        """Return *run_config*, or when it is empty the job's own, with every default filled in.

        Raises:
            OpweaveInvalidConfigError: With every problem.
        """
        job_config.check_depth(run_config, f"job {self.name!r}")
        given = run_configs.as_config_dict(run_config) or self.run_config
        return job_config.validated(self.run_config_type(within), given, f"job {self.name!r}")

    def execute_in_process(
        self,
        run_config: run_configs.RunConfig | Mapping[str, Any] | None = None,
        *,
        raise_on_error: bool = True,
        op_selection: Sequence[str] = (),
        resources: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
        asset_selection: Any = None,
    ) -> ExecuteInProcessResult:
        """Run the job in this process, outputs kept in memory, and return its result.

        Args:
            run_config: In place of the job's own.
            raise_on_error: False returns a result whose ``success`` is false instead of raising what the op raised.
            op_selection: Only these ops; see `selection.select`.
            resources: In place of resources of the same keys.
            tags: Added to the job's.
            run_id: Of the run; a random one by default.
            input_values: Values of the job's own inputs: any objects, in place of those that run config would give.
            asset_selection: Only these assets of a job of assets: keys, a text, or an `AssetSelection`.

        Raises:
            OpweaveInvalidConfigError: The run config is wrong.
            OpweaveInvalidSubsetError: *op_selection* is no list or names nothing.
            OpweaveInvalidDefinitionError: *input_values* name no input of the job.
            Exception: Whatever the first failing op raised.
        """
        return in_process.execute(
            self,
            run_config,
            raise_on_error=raise_on_error,
            op_selection=op_selection,
            resources=resources,
            tags=tags,
            run_id=run_id,
            input_values=input_values,
            asset_selection=asset_selection,
        )


def _run_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    """Return *tags* with texts as values: JSON for what is none."""
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in (tags or {}).items()
    }


@overload
def job(function: Callable[..., Any], /) -> JobDefinition: ...


@overload
def job(
    *,
    name: str | None = None,
    description: str | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    config: run_configs.RunConfig | Mapping[str, Any] | ConfigMapping | None = None,
    tags: Mapping[str, Any] | None = None,
    run_tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    op_retry_policy: RetryPolicy | None = None,
    input_values: Mapping[str, Any] | None = None,
    hooks: AbstractSet[hook_definitions.HookDefinition] | None = None,
    executor_def: object = None,
    logger_defs: object = None,
    partitions_def: object = None,
) -> Callable[[Callable[..., Any]], JobDefinition]: ...


def job(function: Any = None, /, **options: Any) -> Any:
    """Make a function that connects ops a job: bare (``@job``) or with options.

    Args:
        function: The body, when used bare; its parameters are inputs that run config feeds.
        options: ``name``, ``description``, ``resource_defs``, ``config`` (used when a run is given none), ``tags``,
            ``metadata``, ``op_retry_policy`` (for ops without one), ``hooks`` (for every step), ``input_values`` (of the
            body's parameters).

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    if function is None:
        return lambda body: job(body, **options)
    name = options.pop("name", None)
    graph = graphs.checked_body(function, "job", {"name": name} if name else {})
    return JobDefinition(graph, **options)
