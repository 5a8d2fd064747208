"""Encode messages to plain JSON values and decode them from hostile ones.

Called by both sides of the wire. Decoding never trusts the input: a wrong type, a missing field or a list that is too
long raises `WireError` with the path of the culprit; unknown fields are ignored, so that an older reader accepts a newer
writer's message.
"""

from __future__ import annotations

import enum
import types
import typing
from typing import Any, TypeVar

from opweave.wire import message

T = TypeVar("T")

MAX_ITEMS = 100_000
"""The longest list or mapping accepted in one message: far above a plan of 10,000 steps."""

_hints: dict[type, dict[str, Any]] = {}


class WireError(ValueError):
    """A message does not have the agreed shape; the text names the field, what was expected and what came."""


def encode(value: Any) -> Any:
    """Return *value*, a message or a collection of messages, as JSON-ready values."""
    fields = message.fields_of(value)
    if fields is not None:
        return {name: encode(getattr(value, name)) for name in fields}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    return value


def decode(cls: type[T], data: Any, path: str = "") -> T:
    """Return *data*, as parsed from JSON, as an instance of the message class *cls*.

    Args:
        cls: A message class of this package.
        data: Parsed JSON of unknown origin.
        path: Where *data* stands in the whole message; used in errors only.

    Raises:
        WireError: *data* has not the shape of *cls*.
    """
    if not isinstance(data, dict):
        raise _mismatch(path or cls.__name__, "an object", data)
    hints = _hints.get(cls)
    if hints is None:
        hints = _hints[cls] = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for name, default in (message.fields_of(cls) or {}).items():
        where = f"{path}.{name}" if path else name
        if name in data:
            values[name] = _value(hints[name], data[name], where)
        elif default is message.REQUIRED:
            raise WireError(f"{where}: required field is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise WireError(f"{path or cls.__name__}: {error}") from error


def _value(hint: Any, data: Any, path: str) -> Any:
    if hint is Any:
        return data
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        members = [m for m in typing.get_args(hint) if m is not type(None)]
        if data is None:
            if len(members) < len(typing.get_args(hint)):
                return None
            raise _mismatch(path, "a value", data)
        return _value(members[0], data, path)
    if origin in (list, tuple):
        if not isinstance(data, list):
            raise _mismatch(path, "a list", data)
        _bounded(data, path)
        member = typing.get_args(hint)[0]
        items = [_value(member, item, f"{path}[{index}]") for index, item in enumerate(data)]
        return items if origin is list else tuple(items)
    if origin is dict:
        if not isinstance(data, dict):
            raise _mismatch(path, "an object", data)
        _bounded(data, path)
        member = typing.get_args(hint)[1]
        return {key: _value(member, item, f"{path}.{key}") for key, item in data.items()}
    return _scalar(hint, data, path)


def _scalar(hint: Any, data: Any, path: str) -> Any:
    if message.fields_of(hint) is not None:
        return decode(typing.cast("type[Any]", hint), data, path)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(data)
        except ValueError:
            names = ", ".join(str(member.value) for member in hint)
            raise _mismatch(path, f"one of {names}", data) from None
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, bool) and hint is not bool:
        raise _mismatch(path, hint.__name__, data)
    if not isinstance(data, hint):
        raise _mismatch(path, hint.__name__, data)
    return data


def _bounded(data: list[Any] | dict[str, Any], path: str) -> None:
    if len(data) > MAX_ITEMS:
        raise WireError(
            f"{path}: {len(data)} items are more than the {MAX_ITEMS} that one message may hold"
        )


def _mismatch(path: str, expected: str, data: Any) -> WireError:
    shown = repr(data)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return WireError(f"{path}: expected {expected}, found {shown}")
