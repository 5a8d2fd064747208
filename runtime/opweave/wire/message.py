"""Declares messages: immutable records with keyword arguments, as frozen data classes are, at a tenth of their cost.

Every step process imports the messages before it does anything else, and the standard library's data classes compile six
methods for each of them: 13 ms of a step's start. Messages share theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")

REQUIRED: Any = object()
"""In place of a default: the field must be given."""


class _Factory:
    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], Any]) -> Any:
    """Return the default of a field that is made anew for each message."""
    return _Factory(default_factory)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def message(cls: type[T]) -> type[T]:
    """Make *cls* a message: its annotated names are its fields, values given to them their defaults."""
    fields: dict[str, Any] = {}
    for name in cls.__annotations__:
        default = cls.__dict__.get(name, REQUIRED)
        fields[name] = default
        if isinstance(default, _Factory):
            delattr(cls, name)
    for name, method in _METHODS.items():
        setattr(cls, name, method)
    cls.__message_fields__ = fields  # type: ignore[attr-defined]  # how `fields_of` knows a message
    return cls


def fields_of(value: object) -> Mapping[str, Any] | None:
    """Return the fields of a message or of its class with their defaults, `REQUIRED` among them; None for anything else."""
    found: Mapping[str, Any] | None = getattr(value, "__message_fields__", None)
    return found


def replace(value: T, **changes: Any) -> T:
    """Return the message *value* with some fields changed."""
    return type(value)(
        **{**{name: getattr(value, name) for name in fields_of(value) or ()}, **changes}
    )


def _init(self: Any, **values: Any) -> None:
    fields = self.__message_fields__
    for name, default in fields.items():
        if name not in values:
            if default is REQUIRED:
                raise TypeError(f"{type(self).__name__} needs {name}")
            if type(default) is _Factory:
                values[name] = default.make()
    if len(values) > len(fields) or not values.keys() <= fields.keys():
        unknown = ", ".join(sorted(values.keys() - fields.keys()))
        raise TypeError(f"{type(self).__name__} has no field {unknown}")
    self.__dict__.update(values)


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name in self.__message_fields__)


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash((type(self), _values(self)))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__message_fields__)
    return f"{type(self).__name__}({shown})"


def _refuse(self: Any, name: str, *_: Any) -> NoReturn:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be changed: messages are immutable")


_METHODS: dict[str, Any] = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}
