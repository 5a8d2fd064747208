"""References to environment variables, resolved in the step's process and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class EnvVar(str):
    """A text that is read from an environment variable when a step starts.

    Run configs and pages show the variable's name; the value never leaves the step's process. `EnvVar.int` gives an
    integer.
    """

    __slots__ = ()

    @classmethod
    def int(cls, name: str) -> IntEnvVar:
        """Return a reference whose value is read as an integer."""
        return IntEnvVar.named(name)

    @property
    def env_var_name(self) -> str:
        """The name of the variable."""
        return str.__str__(self)

    def get_value(self, default: str | None = None) -> str | None:
        """Return the variable's present value, or *default*."""
        return os.environ.get(self.env_var_name, default)

    def __repr__(self) -> str:
        return f"EnvVar({self.env_var_name!r})"


class IntEnvVar(int):
    """An integer that is read from an environment variable when a step starts."""

    env_var_name: str

    @classmethod
    def named(cls, name: str) -> IntEnvVar:
        """Return a reference to the variable called *name*."""
        reference = cls(0)
        reference.env_var_name = name
        return reference

    def get_value(self, default: int | None = None) -> int | None:
        """Return the variable's present value, or *default*.

        Raises:
            ValueError: The variable does not hold an integer.
        """
        text = os.environ.get(self.env_var_name)
        return default if text is None else int(text)

    def __repr__(self) -> str:
        return f"EnvVar.int({self.env_var_name!r})"


def is_reference(value: object) -> bool:
    """Return whether *value* is ``{"env": NAME}``, the form of a reference in a run config."""
    return isinstance(value, Mapping) and value.keys() == {"env"} and isinstance(value["env"], str)


def as_references(value: Any) -> Any:
    """Return *value* with each `EnvVar` in it as ``{"env": NAME}``; `Any`: config holds any JSON."""
    if isinstance(value, (EnvVar, IntEnvVar)):
        return {"env": value.env_var_name}
    if isinstance(value, Mapping):
        return {key: as_references(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_references(item) for item in value]
    return value
