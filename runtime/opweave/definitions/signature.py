"""What the signature of a body tells: whether it takes a context, its config, resources, inputs and outputs."""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from opweave import errors
from opweave.definitions import origin as origins
from opweave.definitions.events import DynamicOutput, Output

EMPTY = inspect.Parameter.empty
RESOURCE_MARK = "opweave.resource_param"
"""Metadata of ``Annotated`` that makes a parameter a resource; `ResourceParam` sets it."""

_CONTEXT_NAMES = frozenset({"context", "_context", "context_", "_"})
_PLAIN_CONFIG_TYPES = (int, float, str, bool, dict, list)


class Parameter(NamedTuple):
    """A parameter that is an input."""

    name: str
    annotation: Any
    default: Any


class BodySignature(NamedTuple):
    """The parts of a body's signature.

    Attributes:
        config: Annotation of the parameter called ``config``; `EMPTY` when there is none.
        resources: Names of parameters that are resources by their annotation.
        is_keyword_only: Names that must be passed by keyword are passed so; this is for the context only.
    """

    has_context: bool
    config: Any
    resources: tuple[str, ...]
    inputs: tuple[Parameter, ...]
    returns: Any


def read_signature(function: Callable[..., Any], owner: str) -> BodySignature:
    """Return the parts of *function*'s signature.

    Raises:
        OpweaveInvalidDefinitionError: It takes ``*args`` or ``**kwargs``, or its config's type cannot be told.
    """
    parameters = list(inspect.signature(function).parameters.values())
    annotations = _annotations(function)
    has_context = bool(parameters) and _is_context(parameters[0], annotations)
    config: Any = EMPTY
    resources: list[str] = []
    inputs: list[Parameter] = []
    for parameter in parameters[1 if has_context else 0 :]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} takes {parameter}: name each input, or declare one list input for several values"
            )
        annotation = annotations.get(parameter.name, EMPTY)
        if parameter.name == "config" and _is_config(annotation):
            config = annotation
        elif is_resource_annotation(annotation):
            resources.append(parameter.name)
        else:
            inputs.append(Parameter(parameter.name, annotation, parameter.default))
    if isinstance(config, str):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} takes config: {config}, a name that does not exist when the code is loaded; import it at run time, "
            "not only under TYPE_CHECKING"
        )
    returns = annotations.get("return", EMPTY)
    return BodySignature(has_context, config, tuple(resources), tuple(inputs), returns)


def annotations_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return evaluated annotations; those that name nothing at run time stay texts."""
    return _annotations(function)


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Return evaluated annotations; those that name nothing at run time stay texts."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001  # evaluating a user's annotation may raise anything; each is then tried alone
        raw = getattr(function, "__annotations__", {})
        # A function inside another may name what is local there: it is decorated where it is defined.
        local_names = origins.caller_frame().f_locals
        return {name: _evaluated(value, function, local_names) for name, value in raw.items()}


def _evaluated(
    annotation: Any, function: Callable[..., Any], local_names: Mapping[str, Any]
) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        # The text is the user's own source code, from the module that is being loaded.
        return eval(annotation, getattr(function, "__globals__", {}), local_names)  # noqa: S307
    except Exception:  # noqa: BLE001  # as above
        return annotation


def _is_context(parameter: inspect.Parameter, annotations: dict[str, Any]) -> bool:
    annotation = annotations.get(parameter.name, EMPTY)
    if isinstance(annotation, str):
        return annotation.endswith("ExecutionContext")
    if getattr(annotation, "__opweave_context__", False):
        return True
    return (annotation is EMPTY and parameter.name in _CONTEXT_NAMES) or (
        parameter.name == "context" and annotation is Any
    )


def _is_config(annotation: Any) -> bool:
    """Return whether a parameter called ``config`` is the op's config; an unannotated one is an input."""
    if isinstance(annotation, str) or getattr(annotation, "__opweave_config_type__", None):
        return True
    return annotation in _PLAIN_CONFIG_TYPES or typing.get_origin(annotation) in (dict, list)


def is_resource_annotation(annotation: Any) -> bool:
    """Return whether *annotation* asks for a resource."""
    if getattr(annotation, "__opweave_resource_class__", False):
        return True
    return RESOURCE_MARK in getattr(annotation, "__metadata__", ())


def unwrap_return(returns: Any, function: Callable[..., Any]) -> Any:
    """Return the annotation of the value that a body gives: of ``T`` for ``T``, ``Output[T]``, ``Iterator[Output[T]]``...

    `EMPTY` when it tells nothing.
    """
    if isinstance(returns, str):
        return EMPTY
    is_generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    if is_generator:
        arguments = typing.get_args(returns)
        origin = typing.get_origin(returns)
        if not arguments or origin not in _ITERATORS:
            return EMPTY
        returns = arguments[0]
        if typing.get_origin(returns) not in (Output, DynamicOutput):
            return EMPTY
    return unwrap_output(returns)


def unwrap_output(annotation: Any) -> Any:
    """Return ``T`` of ``T``, ``Output[T]``, ``DynamicOutput[T]``, ``list[DynamicOutput[T]]``; `EMPTY` when it tells nothing."""
    member = _list_member(annotation)
    if typing.get_origin(member) in (Output, DynamicOutput):
        return typing.get_args(member)[0]
    return EMPTY if member in (Output, DynamicOutput) else annotation


def is_dynamic_return(returns: Any) -> bool:
    """Return whether a body's annotation says that it gives `DynamicOutput` objects."""
    arguments = typing.get_args(returns)
    if typing.get_origin(returns) in _ITERATORS and arguments:
        returns = arguments[0]
    member = _list_member(returns)
    return DynamicOutput in (member, typing.get_origin(member))


def _list_member(annotation: Any) -> Any:
    """Return the annotation of the members of a list of `DynamicOutput` objects, else *annotation*."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (list, collections.abc.Sequence) and arguments:
        member = arguments[0]
        if DynamicOutput in (member, typing.get_origin(member)):
            return member
    return annotation


_ITERATORS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)
