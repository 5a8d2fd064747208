"""A config that a function turns into another: what run config holds, and what the code behind it receives."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opweave.config import env_var, shapes
from opweave.config import types as config_types
from opweave.config.problems import Path, Problems
from opweave.config.resolution import as_written


class Mapped(config_types.ConfigType):
    """Values of one type, of which a function makes values of another.

    The outer value is what a run config holds, its schema included; user code receives the inner one, made and checked
    where it is needed. Where the outer value refers to no environment variable, the inner one is checked at launch too.

    Args:
        outer: What a run config holds.
        function: Takes a value of it as user code would receive it; returns the inner value.
        inner: What the function must return.
        subject: What messages call the function.
        source: What decides its result, for the digest of definitions.
    """

    checks_default = True

    def __init__(
        self,
        outer: shapes.Field,
        function: Callable[[Any], Any],
        inner: shapes.Field,
        subject: str,
        source: object,
    ) -> None:
        self.outer, self.function, self.inner = outer, function, inner
        self.subject, self.source = subject, source
        self.name, self.has_fields = outer.type.name, outer.type.has_fields

    def as_field(self) -> shapes.Field:
        """Return the field of the outer value."""
        outer = self.outer
        required = outer.is_required
        return shapes.Field(self, is_required=required, description=outer.description)

    def validate(self, value: Any, path: Path, problems: Problems) -> Any:
        """Check the outer value and return it; check what is made of it unless it has references."""
        own = Problems()
        valid = self.outer.type.validate(value, path, own)
        if not own.found and not _has_reference(valid):
            self.inner_value(valid, path, own)
        problems.found.extend(own.found)
        return valid

    def resolve(self, value: Any, path: Path, problems: Problems) -> Any:
        """Return the inner value as user code receives it."""
        own = Problems()
        inner = self.inner_value(value, path, own)
        if not own.found:
            return self.inner.type.resolve(inner, path, problems)
        problems.found.extend(own.found)
        return None

    def inner_value(self, value: Any, path: Path, problems: Problems) -> Any:
        """Return what the function makes of *value*, references kept; what is wrong with it is told at *path*."""
        own = Problems()
        given = self.outer.type.resolve(value, path, own)
        if own.found:
            problems.found.extend(own.found)
            return None
        try:
            made = env_var.as_references(as_written(self.function(copy.deepcopy(given))))
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises is told where the config stands
            message = f"makes {self.subject} raise {type(error).__name__}: {error!s:.200}"
            problems.add(path, message, "INVALID_VALUE")
            return None
        found = Problems()
        valid = self.inner.type.validate(made, (), found)
        for problem in found.found:
            where = ".".join(problem.path) or "what it returns"
            message = f"is mapped by {self.subject} to a wrong config: {where} {problem.message}"
            problems.add(path, message, problem.code)
        return valid

    def json_schema(self) -> dict[str, Any]:
        """Return the outer value's schema."""
        return self.outer.json_schema()

    def default(self) -> tuple[bool, Any]:
        """The outer value's; one that may be missing without default is null to the function."""
        if self.outer.has_default:
            return True, self.outer.default_value
        has_default, value = self.outer.type.default()
        return has_default or not self.outer.is_required, value


def sources_of(field: shapes.Field | None) -> Iterator[object]:
    """Yield what decides how the config of *field* is mapped: functions and values, the outermost first."""
    while field is not None and isinstance(field.type, Mapped):
        yield field.type.source
        field = field.type.inner


def _has_reference(value: Any) -> bool:
    if env_var.is_reference(value):
        return True
    if isinstance(value, Mapping):
        return any(_has_reference(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_has_reference(item) for item in value)
