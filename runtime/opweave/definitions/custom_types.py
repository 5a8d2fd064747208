"""Types that stand for Python classes: made by hand, or registered so that annotations mean them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import types as value_types
from opweave.definitions import unsupported
from opweave.definitions.types import OpweaveType, TypeCheck

_Class = TypeVar("_Class", bound=type)


class PythonObjectOpweaveType(OpweaveType):
    """A type whose values are instances of a class.

    Args:
        python_type: The class, or a tuple of classes of which a value may be any.
        name: For messages and pages; the class's by default.
        description: For pages.

    Raises:
        OpweaveInvalidDefinitionError: *python_type* is no class.
    """

    def __init__(
        self,
        python_type: type | tuple[type, ...],
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        classes = python_type if isinstance(python_type, tuple) else (python_type,)
        if not classes or not all(isinstance(one, type) for one in classes):
            raise errors.OpweaveInvalidDefinitionError(
                f"PythonObjectOpweaveType ({origins.caller_origin()}) is given {shown(python_type)}: give a class or a tuple of "
                "classes"
            )
        self.python_type = python_type
        own_name = name or " or ".join(one.__name__ for one in classes)
        super().__init__(
            lambda _context, value: isinstance(value, classes),
            own_name,
            description,
            typing_type=python_type if isinstance(python_type, type) else Any,
        )


def make_python_type_usable_as_opweave_type(python_type: type, opweave_type: OpweaveType) -> None:
    """Let the annotation *python_type* mean *opweave_type* in every op that is defined from here on.

    Raises:
        OpweaveInvalidDefinitionError: It means another type already, or one of the two is none.
    """
    where = f"make_python_type_usable_as_opweave_type ({origins.caller_origin()})"
    given: tuple[object, object] = (python_type, opweave_type)
    if not isinstance(given[0], type) or not isinstance(given[1], OpweaveType):
        raise errors.OpweaveInvalidDefinitionError(
            f"{where} is given {shown(python_type)} and {shown(opweave_type)}: give a class and an OpweaveType"
        )
    known = value_types.registered(python_type)
    if known is not None and known is not opweave_type:
        raise errors.OpweaveInvalidDefinitionError(
            f"{where}: the class {python_type.__name__} means the type {known.name!r} already: register it once"
        )
    value_types.register(python_type, opweave_type)


@overload
def usable_as_opweave_type(python_type: _Class, /) -> _Class: ...


@overload
def usable_as_opweave_type(
    *, name: str | None = None, description: str | None = None, loader: object = None
) -> Callable[[_Class], _Class]: ...


def usable_as_opweave_type(python_type: Any = None, /, **options: Any) -> Any:
    """Make a class a type with a name and a description of its own: bare or with options.

    Args:
        python_type: The class, when used bare.
        options: ``name`` (default: the class's), ``description`` (default: its docstring).

    Raises:
        OpweaveInvalidDefinitionError: It is put on what is no class.
    """
    if python_type is None:
        return lambda cls: usable_as_opweave_type(cls, **options)
    unsupported.refuse("@usable_as_opweave_type", loader=options.pop("loader", None))
    if not isinstance(python_type, type):
        raise errors.OpweaveInvalidDefinitionError(
            f"@usable_as_opweave_type is put on {shown(python_type)} ({origins.caller_origin()}): put it on a class; the "
            "type's name is given by name="
        )
    described = options.pop("description", None) or inspect.getdoc(python_type)
    made = PythonObjectOpweaveType(python_type, description=described, **options)
    make_python_type_usable_as_opweave_type(python_type, made)
    return python_type


def check_opweave_type(opweave_type: Any, value: Any) -> TypeCheck:
    """Return the verdict on *value*, for tests of types; *opweave_type* may be an annotation too."""
    return value_types.resolve_type(opweave_type).type_check(None, value)
