"""What the decorator and the signature of an op tell together: its config, inputs and outputs."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

from opweave import errors
from opweave.config import shapes
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import signature
from opweave.definitions import types as value_types
from opweave.definitions.inputs import NO_VALUE, In, InputDefinition
from opweave.definitions.outputs import DEFAULT_OUTPUT, DynamicOut, Out, OutputDefinition


def config_field(
    config_schema: object, body: signature.BodySignature, owner: str
) -> shapes.Field | None:
    """Return the schema of an op's config, from the decorator or from the parameter ``config``; None for no config.

    Raises:
        OpweaveInvalidDefinitionError: There are both, or it is no schema.
    """
    if config_schema is None:
        config_schema = None if body.config is signature.EMPTY else body.config
    elif body.config is not signature.EMPTY:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} has both config_schema and a parameter called config: keep one of them"
        )
    if config_schema is None:
        return None
    try:
        return shapes.as_field(config_schema)
    except errors.OpweaveInvalidConfigDefinitionError as error:
        raise errors.OpweaveInvalidConfigDefinitionError(
            f"the config of {owner}: {error}"
        ) from None


def input_definitions(
    body: signature.BodySignature, ins: Mapping[str, In] | None, owner: str
) -> dict[str, InputDefinition]:
    """Return an op's inputs: its parameters, and what *ins* adds for order only.

    Raises:
        OpweaveInvalidDefinitionError: *ins* describes what is no input.
    """
    declared = dict(ins or {})
    result: dict[str, InputDefinition] = {}
    for parameter in body.inputs:
        annotation = parameter.annotation
        default = NO_VALUE if parameter.default is signature.EMPTY else parameter.default
        result[parameter.name] = _input_definition(
            parameter.name, declared.pop(parameter.name, In()), annotation, default, owner
        )
    for name, described in declared.items():
        definition = _input_definition(name, described, signature.EMPTY, NO_VALUE, owner)
        if not definition.is_nothing:
            hint = errors.did_you_mean(name, [p.name for p in body.inputs])
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} declares the input {name!r}, which its function does not take{hint}; "
                "only an In(Nothing) may be left out of the parameters"
            )
        result[name] = definition
    return result


def _input_definition(
    name: str, described: In, annotation: Any, default: Any, owner: str
) -> InputDefinition:
    if not isinstance(described, In):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} describes its input {name!r} by {shown(described)}: give an In(...)"
        )
    if described.opweave_type is not NO_VALUE:
        annotation = described.opweave_type
    if described.default_value is not NO_VALUE:
        default = described.default_value
    is_unknown = annotation is signature.EMPTY or isinstance(annotation, str)
    type_ = value_types.AnyType if is_unknown else value_types.resolve_type(annotation)
    return InputDefinition(
        name,
        type_,
        described.description,
        default,
        described.metadata,
        described.input_manager_key,
    )


def output_definitions(
    body: signature.BodySignature,
    out: Out | Mapping[str, Out] | None,
    function: Callable[..., Any],
    owner: str,
) -> dict[str, OutputDefinition]:
    """Return an op's outputs: those of *out*, or one, typed by the return annotation.

    Raises:
        OpweaveInvalidDefinitionError: *out* is none, or has another number of outputs than the annotation.
    """
    annotation = signature.unwrap_return(body.returns, function)
    if out is None and signature.is_dynamic_return(body.returns):
        out = DynamicOut()
    if out is None or isinstance(out, Out):
        return {DEFAULT_OUTPUT: _output_definition(DEFAULT_OUTPUT, out or Out(), annotation, owner)}
    if not isinstance(out, Mapping):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given {shown(out)} as out: give an Out, or a dict from names to Outs"
        )
    members = _member_annotations(annotation, len(out), owner)
    return {
        origins.checked_name(name, f"an output of {owner}", origins.origin_of(function)): (
            _output_definition(name, described, member, owner)
        )
        for (name, described), member in zip(out.items(), members, strict=True)
    }


def _member_annotations(annotation: Any, count: int, owner: str) -> tuple[Any, ...]:
    """Return the annotation of each of *count* outputs from the body's: a tuple's members when it is a tuple."""
    if typing.get_origin(annotation) is tuple:
        members = typing.get_args(annotation)
        if Ellipsis not in members:
            if len(members) != count:
                raise errors.OpweaveInvalidDefinitionError(
                    f"{owner} is annotated to return {len(members)} values and declares {count} outputs"
                )
            return tuple(signature.unwrap_output(member) for member in members)
    if count == 1:
        return (annotation,)
    return (signature.EMPTY,) * count


def _output_definition(name: str, described: Out, annotation: Any, owner: str) -> OutputDefinition:
    if not isinstance(described, Out):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} describes its output {name!r} by {shown(described)}: give an Out(...)"
        )
    if described.opweave_type is not NO_VALUE:
        annotation = described.opweave_type
    type_ = (
        value_types.AnyType
        if annotation is signature.EMPTY
        else value_types.resolve_type(annotation)
    )
    return OutputDefinition(
        name,
        type_,
        described.description,
        described.is_required,
        described.io_manager_key,
        described.metadata,
        is_dynamic=described.is_dynamic,
    )
