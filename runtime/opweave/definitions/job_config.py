"""The schema of a job's whole run config: its ops' config and loose inputs, and its resources' config."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config import shapes
from opweave.config import types as config_types
from opweave.config.problems import Path, Problems
from opweave.deferred import deferred_module
from opweave.definitions.input_manager import InputManagerDefinition
from opweave.definitions.inputs import InputDefinition
from opweave.definitions.io_manager import IOManagerDefinition
from opweave.definitions.resource import ResourceDefinition
from opweave.definitions.structure import JobStructure, OpNode

if TYPE_CHECKING:
    from opweave.definitions import config_mapping
    from opweave.definitions.config_mapping import ConfigMapping
else:
    config_mapping = deferred_module("opweave.definitions.config_mapping")

MAX_DEPTH = 100
"""Deepest nesting of a run config: far above any real one, far below Python's recursion limit."""


NO_CONFIG = shapes.NO_DEFAULT
"""Stands for a config that a run config does not hold."""


class InputValue(shapes.Shape):
    """The value of an input: ``{"value": 3}``, or ``3`` alone; only a value that is a mapping needs the long form."""

    def validate(self, value: Any, path: Path, problems: Problems) -> Any:
        """Accept both forms; return the long one."""
        if value is None or isinstance(value, Mapping):
            return super().validate(value, path, problems)
        return {"value": self.fields["value"].type.validate(value, path, problems)}

    def json_schema(self) -> dict[str, Any]:
        """Return a schema whose keywords on objects tell the long form and whose others the short one."""
        schema, short = super().json_schema(), self.fields["value"].type.json_schema()
        del schema["type"]
        if isinstance(short.get("type"), str) and short["type"] != "object":
            return {**short, **schema, "type": ["object", short["type"]]}
        return {**schema, "type": "object"} if short.get("type") == "object" else schema


def run_config_type(
    structure: JobStructure,
    resources: Mapping[str, ResourceDefinition],
    ignored_paths: Iterable[str] = (),
    mappings: Mapping[str, ConfigMapping] = types.MappingProxyType({}),
    *,
    requires_inputs: bool = True,
) -> shapes.Shape:
    """Return the type of the run config of a job.

    Args:
        structure: The ops that run.
        resources: Those that these ops use, by key.
        ignored_paths: Ops of the job that do not run; their config is dropped.
        mappings: Of graphs whose config is mapped, by path.
        requires_inputs: False for a step alone: what feeds its inputs is no longer told by *structure*.
    """
    tree: dict[str, Any] = {}
    for node in structure.nodes.values():
        _place(
            tree, node.path, shapes.Shape(_op_fields(structure, node, resources, requires_inputs))
        )
    for path in ignored_paths:
        _place(tree, path, config_types.Ignored())
    fields: dict[str, shapes.Field] = {"ops": _ops_field(tree, "", mappings)}
    configured = {
        key: shapes.Shape({"config": _described(definition)})
        for key, definition in sorted(resources.items())
        if definition.config_field is not None
    }
    if configured:
        fields["resources"] = shapes.Field(shapes.Shape(configured))
    return shapes.Shape(fields)


def _place(tree: dict[str, Any], path: str, leaf: config_types.ConfigType) -> None:
    *graphs, name = path.split(".")
    for graph in graphs:
        tree = tree.setdefault(graph, {})
    tree[name] = leaf


def _ops_field(
    tree: Mapping[str, Any], parent: str, mappings: Mapping[str, ConfigMapping]
) -> shapes.Field:
    fields: dict[str, object] = {}
    for name, child in tree.items():
        path = f"{parent}{name}"
        if not isinstance(child, dict):
            fields[name] = child
        elif path in mappings and _is_ignored(child):
            fields[name] = config_types.Ignored()
        else:
            ops = _ops_field(child, f"{path}.", mappings)
            fields[name] = (
                config_mapping.MappedGraph(mappings[path], ops.type)
                if path in mappings
                else shapes.Shape({"ops": ops})
            )
    return shapes.Field(shapes.Shape(fields))


def _is_ignored(tree: Mapping[str, Any]) -> bool:
    return all(
        _is_ignored(child) if isinstance(child, dict) else isinstance(child, config_types.Ignored)
        for child in tree.values()
    )


def _op_fields(
    structure: JobStructure,
    node: OpNode,
    resources: Mapping[str, ResourceDefinition],
    requires_inputs: bool,
) -> dict[str, object]:
    fields: dict[str, object] = {}
    if node.definition.config_field is not None:
        fields["config"] = node.definition.config_field
    inputs = {
        name: field
        for name in node.definition.inputs
        if (field := input_manager_field(structure, node, name, resources)) is not None
    }
    for name in structure.unconnected(node):
        definition = node.definition.inputs[name]
        if definition.input_manager_key is not None:
            continue
        value_type = value_config_type(definition.type.typing_type)
        if value_type is not None:
            inputs[name] = _input_field(definition, value_type, requires_inputs)
    if inputs:
        fields["inputs"] = shapes.Shape(inputs)
    outputs = {
        name: field
        for name, output in node.definition.outputs.items()
        if (field := output_manager_field(resources.get(output.io_manager_key))) is not None
    }
    if outputs:
        fields["outputs"] = shapes.Shape(outputs)
    return fields


def input_manager_field(
    structure: JobStructure,
    node: OpNode,
    name: str,
    resources: Mapping[str, ResourceDefinition],
) -> shapes.Field | None:
    """Return what run config may tell the manager that loads the input *name* of *node*; None for nothing."""
    key, fed = node.definition.inputs[name].input_manager_key, node.inputs.get(name)
    if key is None and fed is not None and fed.sources:
        upstream = structure.nodes[fed.sources[0].step_key].definition
        key = upstream.outputs[fed.sources[0].output_name].io_manager_key
    definition = None if key is None else resources.get(key)
    return definition.input_config_field if isinstance(definition, InputManagerDefinition) else None


def output_manager_field(definition: ResourceDefinition | None) -> shapes.Field | None:
    """Return what run config may tell the I/O manager *definition* about an output; None for nothing."""
    return definition.output_config_field if isinstance(definition, IOManagerDefinition) else None


def _input_field(
    definition: InputDefinition, value_type: config_types.ConfigType, is_required: bool
) -> shapes.Field:
    """Return the field of an input: required, unless it has a default; that one is shown if a config can hold it."""
    default = shapes.NO_DEFAULT
    if definition.has_default:
        problems = Problems()
        filled = value_type.validate(definition.default_value, (), problems)
        if not problems.found and _is_json(filled):
            default = filled
    value = shapes.Field(value_type, default, description=definition.description)
    return shapes.Field(
        InputValue({"value": value}), is_required=is_required and not definition.has_default
    )


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _described(definition: ResourceDefinition) -> shapes.Field:
    field = definition.config_field
    assert field is not None
    return field


def value_config_type(annotation: Any) -> config_types.ConfigType | None:
    """Return the config type of values of *annotation*; None when such values cannot stand in a config."""
    if annotation is Any or annotation in (int, float, str, bool, dict, list):
        return config_types.as_type(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, dict) or origin in (typing.Union, types.UnionType):
        if any(value_config_type(a) is None for a in arguments if a is not type(None)):
            return None
        try:
            return config_types.as_type(annotation)
        except errors.OpweaveInvalidConfigDefinitionError:
            return config_types.Any
    return None


def check_unconnected(structure: JobStructure) -> None:
    """Check that every input of every op is fed by an op, a default, or a value that run config can give.

    Raises:
        OpweaveInvalidDefinitionError: One is not.
    """
    for node in structure.nodes.values():
        for name in structure.unconnected(node):
            definition = node.definition.inputs[name]
            if definition.input_manager_key is not None:
                continue
            if not definition.has_default and (
                value_config_type(definition.type.typing_type) is None
            ):
                raise errors.OpweaveInvalidDefinitionError(
                    f"nothing feeds the input {name!r} of {node.path!r} in {structure.subject} ({node.origin}): pass it "
                    f"an output, or give it a default; run config cannot hold a {definition.type.name}"
                )


def validated(
    config_type: config_types.ConfigType, value: Mapping[str, Any], subject: str
) -> dict[str, Any]:
    """Return *value* with all defaults filled in.

    Raises:
        OpweaveInvalidConfigError: With every problem.
    """
    problems = Problems()
    result: dict[str, Any] = config_type.validate(value, (), problems)
    if problems.found:
        raise errors.OpweaveInvalidConfigError(
            f"the run config of {subject} is wrong", problems.found
        )
    return result


def check_depth(value: object, subject: str) -> None:
    """Check that *value* is not nested so deeply that walking it would fail.

    Raises:
        OpweaveInvalidConfigError: It is.
    """
    if _is_too_deep(value):
        problems = Problems()
        problems.add((), f"is nested deeper than {MAX_DEPTH} levels", "INVALID_VALUE")
        raise errors.OpweaveInvalidConfigError(
            f"the run config of {subject} is wrong", problems.found
        )


def _is_too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, (Mapping, list))
            for child in (item.values() if isinstance(item, Mapping) else item)
        ]
        if not level:
            return False
    return True


def op_entry(run_config: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return what stands in *run_config* for the op at *path*; empty when nothing does."""
    entry: Any = run_config
    for name in path.split("."):
        ops = entry.get("ops") if isinstance(entry, Mapping) else None
        entry = ops.get(name) if isinstance(ops, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def resource_config(run_config: Mapping[str, Any], key: str) -> Any:
    """Return the config of the resource *key* in *run_config*; `NO_CONFIG` when there is none."""
    entry = (run_config.get("resources") or {}).get(key)
    if not isinstance(entry, Mapping) or "config" not in entry:
        return NO_CONFIG
    return entry["config"]


def problem_path(path: str) -> Path:
    """Return where the op at *path* stands in a run config."""
    keys: list[str] = []
    for name in path.split("."):
        keys += ["ops", name]
    return tuple(keys)
