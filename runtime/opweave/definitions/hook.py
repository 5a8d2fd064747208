"""Hooks: what is to happen when a step of a job has succeeded or failed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, overload

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins

if TYPE_CHECKING:
    from opweave.execution.hook_context import HookContext


class HookDefinition:
    """A function that is called when a step has ended; what it raises changes nothing for the step.

    Attributes:
        on_failure: Whether it is called for steps that failed for good, rather than for those that succeeded.
        required_resource_keys: Resources that it uses; each step with the hook sets them up.
    """

    def __init__(
        self,
        hook_fn: Callable[[HookContext], Any],
        *,
        on_failure: bool,
        name: str | None = None,
        required_resource_keys: AbstractSet[str] | None = None,
    ) -> None:
        self.hook_fn = hook_fn
        self.origin = origins.origin_of(hook_fn)
        own_name = name or str(getattr(hook_fn, "__name__", "hook"))
        self.name = origins.checked_name(own_name, "a hook", self.origin)
        self.on_failure = on_failure
        self.required_resource_keys = frozenset(required_resource_keys or ())
        if _positional(hook_fn) != 1:
            raise errors.OpweaveInvalidDefinitionError(
                f"{self} takes {_positional(hook_fn)} arguments: take one, the HookContext"
            )

    def __call__(self, given: Any) -> Any:
        """Put the hook on a job, graph or op, or call its function with a context from `build_hook_context`.

        Raises:
            OpweaveInvalidInvocationError: It is given anything else.
        """
        if hasattr(given, "with_hooks"):
            return given.with_hooks({self})
        if getattr(type(given), "__opweave_hook_context__", False):
            return self.hook_fn(given)
        raise errors.OpweaveInvalidInvocationError(
            f"{self} is called with {shown(given)}: give it a context from opweave.build_hook_context(), or put it on a "
            "job, a graph or an op"
        )

    def __str__(self) -> str:
        """Return kind, name and place."""
        return f"hook {self.name!r} ({self.origin})"

    def __repr__(self) -> str:
        """Return the same, for messages and debuggers."""
        return f"<{self}>"


def _positional(function: Callable[..., Any]) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return sum(1 for p in parameters if p.kind in kinds and p.default is p.empty)


def checked(hooks: object, owner: str) -> tuple[HookDefinition, ...]:
    """Return *hooks* without repetition, by name.

    Raises:
        OpweaveInvalidDefinitionError: They are no collection of hooks.
    """
    if hooks is None:
        return ()
    if isinstance(hooks, (str, HookDefinition)) or not isinstance(hooks, Iterable):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given {shown(hooks)} as its hooks: give a set of hooks, {{my_hook}}"
        )
    given = list(hooks)
    for hook in given:
        if not isinstance(hook, HookDefinition):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} is given {shown(hook)} among its hooks: put @success_hook or @failure_hook on it"
            )
    return tuple(sorted(dict.fromkeys(given), key=lambda hook: hook.name))


def merged(
    first: tuple[HookDefinition, ...], second: tuple[HookDefinition, ...]
) -> tuple[HookDefinition, ...]:
    """Return the hooks of both, each once."""
    return tuple(dict.fromkeys((*first, *second)))


@overload
def success_hook(function: Callable[[HookContext], Any], /) -> HookDefinition: ...


@overload
def success_hook(
    *, name: str | None = None, required_resource_keys: AbstractSet[str] | None = None
) -> Callable[[Callable[[HookContext], Any]], HookDefinition]: ...


def success_hook(function: Any = None, /, **options: Any) -> Any:
    """Make a function a hook that is called when a step has succeeded: bare or with options.

    Args:
        function: Takes a `HookContext`.
        options: ``name`` (default: the function's), ``required_resource_keys``.

    Raises:
        OpweaveInvalidDefinitionError: It takes other arguments.
    """
    return _made("success_hook", function, on_failure=False, options=options)


@overload
def failure_hook(function: Callable[[HookContext], Any], /) -> HookDefinition: ...


@overload
def failure_hook(
    *, name: str | None = None, required_resource_keys: AbstractSet[str] | None = None
) -> Callable[[Callable[[HookContext], Any]], HookDefinition]: ...


def failure_hook(function: Any = None, /, **options: Any) -> Any:
    """Make a function a hook that is called when a step has failed and is not tried again: bare or with options.

    Args:
        function: Takes a `HookContext`; its ``op_exception`` is what the op raised.
        options: ``name`` (default: the function's), ``required_resource_keys``.

    Raises:
        OpweaveInvalidDefinitionError: It takes other arguments.
    """
    return _made("failure_hook", function, on_failure=True, options=options)


def _made(decorator: str, function: Any, *, on_failure: bool, options: dict[str, Any]) -> Any:
    if function is None:
        return lambda body: _made(decorator, body, on_failure=on_failure, options=options)
    if not callable(function):
        raise errors.OpweaveInvalidDefinitionError(
            f"@{decorator} is put on {shown(function)} ({origins.caller_origin()}): put it on a function; the hook's name is "
            "given by name="
        )
    return HookDefinition(function, on_failure=on_failure, **options)
