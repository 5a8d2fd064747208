"""Jobs made of assets: the graph whose nodes are the assets' ops and graphs, each input fed by the asset that it is.

The result is a `JobDefinition` as any: plan, engine and steps know nothing else. What its ops have to do with assets is laid
over its structure (`use.AssetUse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opweave import errors
from opweave.definitions import composition
from opweave.definitions import graph as graphs
from opweave.definitions import origin as origins
from opweave.definitions import resource as resources
from opweave.definitions.assets.asset_graph import AssetGraph
from opweave.definitions.assets.assets_definition import AssetChecksDefinition, AssetsDefinition
from opweave.definitions.assets.check_spec import AssetCheckKey
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.use import AssetInput, AssetUse
from opweave.definitions.job import JobDefinition
from opweave.definitions.structure import JobStructure
from opweave.wire.plan import OutputRef


class AssetPart(NamedTuple):
    """A part of a location's assets and checks: what one run makes."""

    keys: frozenset[AssetKey]
    checks: frozenset[AssetCheckKey]


class AssetLayer:
    """What a job of assets knows beside its graph.

    Attributes:
        assets: All of the location.
        part: Those of the job.
    """

    def __init__(
        self, name: str, assets: AssetGraph, part: AssetPart, options: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.assets = assets
        self.part = part
        self._options = options
        self.nodes = self._named_nodes()
        self._names = {id(definition): name for name, definition in self.nodes.items()}
        self._writers = self._find_writers()
        self._gates = self._find_gates()

    def _named_nodes(self) -> dict[str, AssetsDefinition]:
        """Return the definitions that run, by the name of their node."""
        found: dict[str, AssetsDefinition] = {}
        for definition in self.assets.definitions:
            if definition.node_def is None or not self._runs(definition):
                continue
            name, number = definition.node_def.name, 2
            while name in found:
                name, number = f"{definition.node_def.name}_{number}", number + 1
            found[name] = definition
        return found

    def _runs(self, definition: AssetsDefinition) -> bool:
        if isinstance(definition, AssetChecksDefinition):
            return not self.part.checks.isdisjoint(definition.check_keys)
        return not self.part.keys.isdisjoint(definition.keys) or (
            definition.can_subset and not self.part.checks.isdisjoint(definition.check_keys)
        )

    def _find_writers(self) -> dict[AssetKey, composition.OutputHandle]:
        """Return the output of the job's graph that each selected asset is."""
        return {
            key: composition.OutputHandle(name, output)
            for name, definition in self.nodes.items()
            for output, key in definition.keys_by_output_name.items()
            if key in self.part.keys
        }

    def graph(self) -> graphs.GraphDefinition:
        """Return the graph of the job."""
        invocations = {}
        for name, definition in self.nodes.items():
            node = definition.node_def
            assert node is not None
            inputs: dict[str, composition.InputSource] = {}
            for input_name, key in definition.keys_by_input_name.items():
                writer = self._writers.get(key)
                if writer is not None and writer.node_name != name:
                    inputs[input_name] = writer
            invocations[name] = composition.Invocation(name, node, inputs, {}, None, node.origin)
        origin = origins.caller_origin()
        return graphs.GraphDefinition.of_invocations(self.name, invocations, origin)

    def resource_defs(self) -> dict[str, resources.ResourceDefinition]:
        """Return the resources that the assets themselves define, those of loaded upstream assets included.

        Raises:
            OpweaveInvalidDefinitionError: Two of them define different ones for one key.
        """
        found: dict[str, resources.ResourceDefinition] = {}
        owners: dict[str, AssetsDefinition] = {}
        for definition in self.assets.definitions:
            for key, resource in definition.resource_defs.items():
                if found.setdefault(key, resource) is not resource:
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{definition} and {owners[key]} define different resources {key!r}: define it once, in "
                        "Definitions(resources=...)"
                    )
                owners[key] = definition
        return found

    def job(self) -> JobDefinition:
        """Return the job."""
        own = {**self.resource_defs(), **(self._options.get("resource_defs") or {})}
        options = {**self._options, "resource_defs": own}
        return JobDefinition(self.graph(), name=self.name, asset_layer=self, **options)

    def subset(self, part: AssetPart, job: JobDefinition) -> JobDefinition:
        """Return *job*, which this is the layer of, making *part* only."""
        made = AssetLayer(self.name, self.assets, part, self._options).job()
        return made.replacing_resources(job.resource_defs)

    def dress(self, structure: JobStructure) -> JobStructure:
        """Return *structure* with each op's use of assets laid over it."""
        uses = {
            path: use
            for name, definition in self.nodes.items()
            for path, use in _NodeDresser(self, name, definition).uses(structure).items()
        }
        nodes = [
            node._replace(assets=uses[node.path]) if node.path in uses else node
            for node in structure.nodes.values()
        ]
        return JobStructure(nodes, structure.subject)

    def asset_input(self, key: AssetKey, *, is_nothing: bool) -> AssetInput:
        """Return how an input that is the asset *key* is loaded where no step of the run writes it."""
        definition = self.assets.by_key[key]
        output = definition.output_name_for(key)
        node = definition.node_def
        if node is None or output is None:
            metadata = {k: v.value for k, v in definition.specs_by_key[key].metadata.items()}
            manager_key = definition.io_manager_key_for(key)
            return AssetInput(key, manager_key, metadata, is_nothing=is_nothing)
        written = node.outputs[output]
        return AssetInput(
            key, definition.io_manager_key_for(key), written.metadata, written.type, is_nothing
        )

    def checks_of(self, definition: AssetsDefinition) -> tuple[Any, ...]:
        """Return the selected checks that *definition* makes."""
        return tuple(c for c in definition.check_specs if c.key in self.part.checks)

    def gates(self, definition: AssetsDefinition) -> tuple[OutputRef, ...]:
        """Return what must succeed before *definition* beside what feeds it.

        These are blocking checks of the assets that it is made of, and assets that only its specs name.
        """
        if isinstance(definition, AssetChecksDefinition):
            return ()
        inputs = dict.fromkeys(definition.keys_by_input_name.values())
        found = {ref: None for key in inputs for ref in self._gates.get(key, ())}
        for spec in definition.specs:
            for dep in spec.deps:
                key = dep.asset_key
                writer = self._writers.get(key)
                if writer is None or key in inputs or key in definition.keys:
                    continue
                found[self._output_ref(writer)] = None
                found.update(dict.fromkeys(self._gates.get(key, ())))
        return tuple(found)

    def _output_ref(self, writer: composition.OutputHandle) -> OutputRef:
        node = self.nodes[writer.node_name].node_def
        path, name = writer.node_name, writer.output_name
        if isinstance(node, graphs.GraphDefinition):
            path, name = _inner_output(node, path, name)
        return OutputRef(step_key=path, output_name=name)

    def _find_gates(self) -> dict[AssetKey, list[OutputRef]]:
        """Return for each asset the steps of its selected blocking checks."""
        found: dict[AssetKey, list[OutputRef]] = {}
        for key in sorted(self.part.checks):
            maker = self.assets.by_check[key]
            if isinstance(maker, AssetChecksDefinition) and maker.check_specs_by_key[key].blocking:
                name = self._names[id(maker)]
                found.setdefault(key.asset_key, []).append(OutputRef(step_key=name))
        return found


class _NodeDresser:
    """Finds what the ops behind one node of a job of assets have to do with assets."""

    def __init__(self, layer: AssetLayer, name: str, definition: AssetsDefinition) -> None:
        self._layer = layer
        self._name = name
        self._definition = definition
        self._outputs: dict[str, dict[str, Any]] = {}
        self._inputs: dict[str, dict[str, AssetInput]] = {}
        self._checks: dict[str, list[Any]] = {}

    def uses(self, structure: JobStructure) -> dict[str, AssetUse]:
        """Return the use of assets of each op, by path."""
        definition, node = self._definition, self._definition.node_def
        assert node is not None
        checks = list(self._layer.checks_of(definition))
        if isinstance(node, graphs.GraphDefinition):
            self._graph(node, checks)
            prefix = f"{self._name}."
            inner = [path for path in structure.nodes if path.startswith(prefix)]
        else:
            inner = [self._name]
            self._checks[self._name] = checks
            self._outputs[self._name] = {
                output: definition.specs_by_key[key]
                for output, key in definition.keys_by_output_name.items()
                if key in self._layer.part.keys
            }
            self._inputs[self._name] = {
                name: self._input(name, node.inputs[name].is_nothing)
                for name in definition.keys_by_input_name
            }
        after = self._layer.gates(definition)
        return {
            path: AssetUse(
                definition,
                self._outputs.get(path, {}),
                self._inputs.get(path, {}),
                tuple(self._checks.get(path, ())),
                after,
            )
            for path in inner
        }

    def _input(self, name: str, is_nothing: bool) -> AssetInput:
        key = self._definition.keys_by_input_name[name]
        return self._layer.asset_input(key, is_nothing=is_nothing)

    def _graph(self, graph: graphs.GraphDefinition, checks: list[Any]) -> None:
        by_output = {}
        for check in checks:
            by_output[check.get_python_identifier()] = by_output[check.name] = check
        for output in graph.results:
            path, name = _inner_output(graph, self._name, output)
            key = self._definition.keys_by_output_name.get(output)
            if key is not None and key in self._layer.part.keys:
                spec = self._definition.specs_by_key[key]
                self._outputs.setdefault(path, {})[name] = spec
            elif output in by_output:
                self._checks.setdefault(path, []).append(by_output[output])
        for input_name in self._definition.keys_by_input_name:
            if input_name in graph.inputs:
                self._graph_input(graph, self._name, input_name, input_name)

    def _graph_input(
        self, graph: graphs.GraphDefinition, path: str, input_name: str, asset_input: str
    ) -> None:
        for use, target in graph.uses_of_input(input_name):
            inner = f"{path}.{use.name}"
            if isinstance(use.definition, graphs.GraphDefinition):
                self._graph_input(use.definition, inner, target.name, asset_input)
            else:
                found = self._input(asset_input, target.is_nothing)
                self._inputs.setdefault(inner, {})[target.name] = found


def _inner_output(graph: graphs.GraphDefinition, path: str, output: str) -> tuple[str, str]:
    """Return path and output of the op whose output is *output* of *graph*, which stands at *path*."""
    handle = graph.results[output]
    inner, path = graph.invocations[handle.node_name].definition, f"{path}.{handle.node_name}"
    if isinstance(inner, graphs.GraphDefinition):
        return _inner_output(inner, path, handle.output_name)
    return path, handle.output_name
