"""From a function to the op of an asset: what its parameters, its annotations and the decorator tell together."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import signature
from opweave.definitions import types as value_types
from opweave.definitions.assets.ins_and_outs import AssetIn
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.results import DataVersion, MaterializeResult, ObserveResult
from opweave.definitions.assets.spec import AssetDep
from opweave.definitions.inputs import NO_VALUE, In
from opweave.definitions.node import NodeDefinition


class BodyInputs(NamedTuple):
    """The inputs of an asset's op.

    Attributes:
        ins: For the op.
        keys: The upstream asset of each.
        guessed: Those whose key is only the parameter's name.
    """

    ins: dict[str, In]
    keys: dict[str, AssetKey]
    guessed: frozenset[str]


def checked_function(function: Any, decorator: str) -> Callable[..., Any]:
    """Return *function* if ``@decorator`` may be put on it.

    Raises:
        OpweaveInvalidDefinitionError: It is no function.
    """
    if not callable(function) or isinstance(function, (type, NodeDefinition)):
        raise errors.OpweaveInvalidDefinitionError(
            f"@{decorator} is put on {shown(function)} ({origins.caller_origin()}): put it on a function"
        )
    checked: Callable[..., Any] = function
    return checked


def body_inputs(
    parameters: Iterable[str],
    ins: Mapping[str, Any] | None,
    deps: Iterable[AssetDep],
    owner: str,
) -> BodyInputs:
    """Return the inputs of an asset's op: its *parameters*, and *deps* for order only.

    Raises:
        OpweaveInvalidDefinitionError: *ins* describe what is no parameter, or an asset is both a parameter and a dep.
    """
    names = list(parameters)
    declared = {name: _asset_in(value, name, owner) for name, value in (ins or {}).items()}
    for name, described in declared.items():
        if name not in names:
            if not _is_nothing(described.opweave_type):
                hint = errors.did_you_mean(name, names)
                raise errors.OpweaveInvalidDefinitionError(
                    f"{owner} describes the input {name!r}, which its function does not take{hint}; an asset whose value "
                    "is not needed stands in deps="
                )
            names.append(name)
    made: dict[str, In] = {}
    keys: dict[str, AssetKey] = {}
    guessed: set[str] = set()
    for name in names:
        described = declared.get(name) or AssetIn()
        made[name], keys[name] = described.to_in(), described.key_for(name)
        if not described.is_explicit:
            guessed.add(name)
    for dep in deps:
        if dep.asset_key in keys.values():
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has {dep.asset_key.to_user_string()!r} both as a parameter and in deps: keep one of them"
            )
        name = _free_name(dep.asset_key.to_python_identifier(), made)
        made[name], keys[name] = In(value_types.Nothing), dep.asset_key
    return BodyInputs(made, keys, frozenset(guessed))


def input_names(function: Callable[..., Any], owner: str) -> list[str]:
    """Return the parameters of *function* that are neither context, config nor resources."""
    return [parameter.name for parameter in signature.read_signature(function, owner).inputs]


def value_type(function: Callable[..., Any], owner: str, given: Any = NO_VALUE) -> Any:
    """Return the type of the value that the body of an asset gives; `NO_VALUE` when nothing tells it.

    `Nothing` when it tells only that the asset was written or seen: ``-> MaterializeResult``, ``-> None``.
    """
    if given is not NO_VALUE:
        return given
    returns = signature.read_signature(function, owner).returns
    if returns is signature.EMPTY or isinstance(returns, str):
        return NO_VALUE
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        arguments = typing.get_args(returns)
        returns = arguments[0] if arguments else signature.EMPTY
        if _result_class(returns) is None:
            return NO_VALUE
    if typing.get_origin(returns) is tuple:
        results = [m for m in typing.get_args(returns) if _result_class(m) is not None]
        returns = results[0] if results else returns
    if _result_class(returns) is None:
        return NO_VALUE
    arguments = typing.get_args(returns)
    return arguments[0] if arguments else value_types.Nothing


def _result_class(annotation: Any) -> type | None:
    plain = typing.get_origin(annotation) or annotation
    if isinstance(plain, type) and issubclass(
        plain, (MaterializeResult, ObserveResult, DataVersion)
    ):
        return plain
    return None


def _asset_in(value: Any, name: str, owner: str) -> AssetIn:
    if isinstance(value, AssetIn):
        return value
    try:
        return AssetIn(key=AssetKey.from_coercible(value))
    except errors.OpweaveInvalidDefinitionError:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} describes its input {name!r} by {shown(value)}: give an AssetIn, or an asset key"
        ) from None


def _is_nothing(annotation: Any) -> bool:
    return annotation is value_types.Nothing or annotation is value_types.NothingType


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    free, number = name[:190], 2
    while free in taken:
        free, number = f"{name[:185]}_{number}", number + 1
    return free
