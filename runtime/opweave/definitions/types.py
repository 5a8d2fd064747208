"""Run-time types of inputs and outputs: made from annotations, or declared by users."""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

from opweave.config.problems import shown

MAX_CHECKED_MEMBERS = 10_000
"""Members of a container that are checked; more would cost more than they tell."""


class TypeCheck:
    """The verdict of a type check, with what there is to say about the value."""

    def __init__(
        self,
        success: bool,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.success = success
        self.description = description
        self.metadata = dict(metadata or {})


class OpweaveType:
    """A type that inputs and outputs are checked against when a step runs.

    Args:
        type_check_fn: Called with the step's context (None outside of one) and the value; returns a bool or a `TypeCheck`.
        name: For messages and pages.
        typing_type: The Python type that it stands for.
    """

    def __init__(
        self,
        type_check_fn: Callable[[Any, Any], bool | TypeCheck],
        name: str,
        description: str | None = None,
        typing_type: Any = Any,
    ) -> None:
        self._type_check_fn = type_check_fn
        self.name = name
        self.description = description
        self.typing_type = typing_type

    def type_check(self, context: Any, value: Any) -> TypeCheck:
        """Return the verdict on *value*; both are `Any` because users write the check."""
        verdict = self._type_check_fn(context, value)
        if isinstance(verdict, TypeCheck):
            return verdict
        if verdict:
            return TypeCheck(True)
        return TypeCheck(False, f"expected {self.name}, found {shown(value)}")

    def __repr__(self) -> str:
        return f"OpweaveType({self.name})"


class Nothing:
    """Order without a value: ``ins={"start": In(Nothing)}`` waits for a step and receives nothing from it."""


AnyType = OpweaveType(lambda _context, _value: True, "Any")
NothingType = OpweaveType(lambda _context, value: value is None, "Nothing", typing_type=Nothing)


_REGISTERED: dict[type, OpweaveType] = {}


def registered(python_type: type) -> OpweaveType | None:
    """Return the type that the class *python_type* was registered for, if it was."""
    return _REGISTERED.get(python_type)


def register(python_type: type, opweave_type: OpweaveType) -> None:
    """Let `resolve_type` take the class *python_type* for *opweave_type*."""
    _REGISTERED[python_type] = opweave_type


def resolve_type(annotation: Any) -> OpweaveType:
    """Return the type that *annotation* means: an `OpweaveType`, a class, or a generic of `typing`."""
    if isinstance(annotation, OpweaveType):
        return annotation
    if annotation is None or annotation is Nothing or annotation is type(None):
        return NothingType
    if annotation is Any or annotation is object:
        return AnyType
    if isinstance(annotation, type) and annotation in _REGISTERED:
        return _REGISTERED[annotation]
    return OpweaveType(_annotation_check(annotation), type_name(annotation), typing_type=annotation)


def type_name(annotation: Any) -> str:
    """Return *annotation* as people write it."""
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def _annotation_check(annotation: Any) -> Callable[[Any, Any], TypeCheck]:
    def check(_context: Any, value: Any) -> TypeCheck:
        problem = mismatch(annotation, value)
        return TypeCheck(problem is None, problem)

    return check


def mismatch(annotation: Any, value: Any, where: str = "") -> str | None:
    """Return how *value* fails to be of the type *annotation*, or None when it is, or when that cannot be told."""
    if annotation is None or annotation is type(None):
        return None if value is None else _problem("None", value, where)
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return None
    origin = typing.get_origin(annotation)
    if origin is None:
        return _class_mismatch(annotation, value, where)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        if any(mismatch(member, value) is None for member in arguments):
            return None
        return _problem(type_name(annotation), value, where)
    if origin is Literal:
        return None if value in arguments else _problem(type_name(annotation), value, where)
    if origin is typing.Annotated:
        return mismatch(arguments[0], value, where)
    if not isinstance(origin, type):
        return None
    problem = _class_mismatch(origin, value, where)
    return problem or _members_mismatch(origin, arguments, value, where)


def _class_mismatch(expected: Any, value: Any, where: str) -> str | None:
    if not isinstance(expected, type) or expected is object:
        return None
    try:
        is_instance = isinstance(value, expected)
    except TypeError:  # a Protocol that is not runtime-checkable: cannot be told
        return None
    return None if is_instance else _problem(expected.__name__, value, where)


def _members_mismatch(
    origin: type, arguments: tuple[Any, ...], value: Any, where: str
) -> str | None:
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            return f"expected a tuple of {len(arguments)}, found {len(value)} members{where}"
        pairs = zip(arguments, enumerate(value), strict=True)
        return _first(mismatch(a, v, f"{where}[{i}]") for a, (i, v) in pairs)
    if origin in (list, set, frozenset, tuple) and arguments:
        members = zip(range(MAX_CHECKED_MEMBERS), value, strict=False)
        return _first(mismatch(arguments[0], v, f"{where}[{i}]") for i, v in members)
    if origin is dict and len(arguments) == 2:
        items = zip(range(MAX_CHECKED_MEMBERS), value.items(), strict=False)
        return _first(
            mismatch(arguments[0], k, f"{where} key {k!r:.40}")
            or mismatch(arguments[1], v, f"{where}[{k!r:.40}]")
            for _, (k, v) in items
        )
    return None


def _first(problems: collections.abc.Iterable[str | None]) -> str | None:
    return next((problem for problem in problems if problem), None)


def _problem(expected: str, value: Any, where: str) -> str:
    return f"expected {expected}, found {shown(value)}{f' at {where}' if where else ''}"
