"""Ops: functions that are steps of a job."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import composition, direct_call, inference, signature, unsupported
from opweave.definitions import origin as origins
from opweave.definitions.events import Output
from opweave.definitions.inputs import In
from opweave.definitions.node import NodeDefinition
from opweave.definitions.outputs import Out
from opweave.definitions.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from opweave.config.model import Config
    from opweave.definitions import configured
    from opweave.definitions.configurable_resource import ConfigurableResource
    from opweave.execution.context import OpExecutionContext
else:
    configured = deferred_module("opweave.definitions.configured")

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
ConfigT = TypeVar("ConfigT", bound="Config")
ResourceT = TypeVar("ResourceT", bound="ConfigurableResource")


class OpDefinition(NodeDefinition, Generic[P, R]):
    """A function that runs as a step, with what its signature and its decorator tell.

    Attributes:
        function: The body.
        body: The parts of its signature.
        config_field: Schema of its config; None when it takes none.
        required_resource_keys: From the decorator and from parameters that are resources.
    """

    kind = "op"

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        ins: Mapping[str, In] | None = None,
        out: Out | Mapping[str, Out] | None = None,
        config_schema: object = None,
        required_resource_keys: typing.AbstractSet[str] | None = None,
        tags: Mapping[str, Any] | None = None,
        retry_policy: RetryPolicy | None = None,
        code_version: str | None = None,
        pool: str | None = None,
    ) -> None:
        place = origins.origin_of(function)
        own_name = name or str(getattr(function, "__name__", "op"))
        owner = f"op {own_name!r} ({place})"
        self.function = function
        self.body = signature.read_signature(function, owner)
        self.config_field = inference.config_field(config_schema, self.body, owner)
        self.required_resource_keys = frozenset(required_resource_keys or ()) | set(
            self.body.resources
        )
        if retry_policy is not None and not isinstance(retry_policy, RetryPolicy):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} is given {shown(retry_policy)} as its retry policy: give a RetryPolicy"
            )
        self.retry_policy = retry_policy
        unsupported.refuse(owner, pool=pool)
        self.code_version = code_version
        super().__init__(
            own_name,
            description=description or inspect.getdoc(function),
            inputs=inference.input_definitions(self.body, ins, owner),
            outputs=inference.output_definitions(self.body, out, function, owner),
            tags=tags,
            origin=place,
        )

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: object = None,
        description: str | None = None,
    ) -> OpDefinition[P, R]:
        """Return the op under another *name* with its config given: by a value, or by a function of a config of its own.

        Args:
            config_or_config_fn: The config, or a function that takes what *config_schema* tells and returns it.
            name: Of the new op.
            config_schema: What the function takes; see `configured`.
            description: Of the new op; this one's by default.

        Raises:
            OpweaveInvalidDefinitionError: It takes no config, or *name* is missing.
        """
        if name is None:
            raise errors.OpweaveInvalidDefinitionError(
                f"{self} is configured without a name ({origins.caller_origin()}): give name=, which no other op has"
            )
        made = configured.configured_copy(self, str(self), config_or_config_fn, config_schema)
        made.name = origins.checked_name(name, self.kind, origins.caller_origin())
        made.description = description or self.description
        return made

    @overload
    def __call__(
        self: OpDefinition[P, Coroutine[Any, Any, Any]]
        | OpDefinition[P, Iterator[Any]]
        | OpDefinition[P, AsyncIterator[Any]]
        | OpDefinition[P, Output[Any]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Any: ...

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(
        self, given: OpExecutionContext | Config, /, *args: P.args, **kwargs: P.kwargs
    ) -> Any: ...

    @overload
    def __call__(
        self, context: OpExecutionContext, config: Config, /, *args: P.args, **kwargs: P.kwargs
    ) -> Any: ...

    # mypy misses the parameters before P.args in the implementation's *args.
    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]
        """Use the op in the graph whose body runs now; outside of any, run it as the plain function that it is.

        A direct call takes the body's arguments: a context (`build_op_context`) first if the body takes one.

        Raises:
            OpweaveInvalidDefinitionError: In a graph: an argument does not fit.
            OpweaveInvalidInvocationError: In a direct call: an argument is missing or unknown.
            OpweaveInvalidConfigError: In a direct call: the context's config is wrong.
        """
        composer = composition.current()
        if composer is not None:
            return composer.invoke(self, None, {}, None, args, kwargs)
        return direct_call.call(self, args, kwargs)


class OpDecorator(Protocol):
    """What ``op(...)`` returns: the context and the config are taken off the signature.

    Resources are passed by opweave too, and may stand anywhere: arguments of an op whose parameters begin with one are not
    checked.
    """

    @overload
    def __call__(
        self,
        function: Callable[Concatenate[OpExecutionContext, ConfigT, ResourceT, P], R],
        /,
    ) -> OpDefinition[..., R]: ...

    @overload
    def __call__(
        self, function: Callable[Concatenate[OpExecutionContext, ResourceT, P], R], /
    ) -> OpDefinition[..., R]: ...

    @overload
    def __call__(
        self, function: Callable[Concatenate[ConfigT, ResourceT, P], R], /
    ) -> OpDefinition[..., R]: ...

    @overload
    def __call__(
        self, function: Callable[Concatenate[ResourceT, P], R], /
    ) -> OpDefinition[..., R]: ...

    @overload
    def __call__(
        self, function: Callable[Concatenate[OpExecutionContext, ConfigT, P], R], /
    ) -> OpDefinition[P, R]: ...

    @overload
    def __call__(
        self, function: Callable[Concatenate[OpExecutionContext, P], R], /
    ) -> OpDefinition[P, R]: ...

    @overload
    def __call__(self, function: Callable[Concatenate[ConfigT, P], R], /) -> OpDefinition[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> OpDefinition[P, R]: ...


class OpWithInsDecorator(Protocol):
    """What ``op(ins=...)`` returns: inputs may exist that are no parameters, so arguments are not checked."""

    def __call__(self, function: Callable[..., R], /) -> OpDefinition[..., R]:
        """Return *function* as an op."""
        ...


@overload
def op(
    function: Callable[Concatenate[OpExecutionContext, ConfigT, ResourceT, P], R], /
) -> OpDefinition[..., R]: ...


@overload
def op(
    function: Callable[Concatenate[OpExecutionContext, ResourceT, P], R], /
) -> OpDefinition[..., R]: ...


@overload
def op(function: Callable[Concatenate[ConfigT, ResourceT, P], R], /) -> OpDefinition[..., R]: ...


@overload
def op(function: Callable[Concatenate[ResourceT, P], R], /) -> OpDefinition[..., R]: ...


@overload
def op(
    function: Callable[Concatenate[OpExecutionContext, ConfigT, P], R], /
) -> OpDefinition[P, R]: ...


@overload
def op(function: Callable[Concatenate[OpExecutionContext, P], R], /) -> OpDefinition[P, R]: ...


@overload
def op(function: Callable[Concatenate[ConfigT, P], R], /) -> OpDefinition[P, R]: ...


@overload
def op(function: Callable[P, R], /) -> OpDefinition[P, R]: ...


@overload
def op(
    *,
    ins: Mapping[str, In],
    name: str | None = None,
    description: str | None = None,
    out: Out | Mapping[str, Out] | None = None,
    config_schema: object = None,
    required_resource_keys: typing.AbstractSet[str] | None = None,
    tags: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    pool: str | None = None,
) -> OpWithInsDecorator: ...


@overload
def op(
    *,
    name: str | None = None,
    description: str | None = None,
    out: Out | Mapping[str, Out] | None = None,
    config_schema: object = None,
    required_resource_keys: typing.AbstractSet[str] | None = None,
    tags: Mapping[str, Any] | None = None,
    retry_policy: RetryPolicy | None = None,
    code_version: str | None = None,
    pool: str | None = None,
) -> OpDecorator: ...


def op(function: Any = None, /, **options: Any) -> Any:
    """Make a function an op: bare (``@op``) or with options (``@op(tags=...)``).

    The first parameter is the context when it is annotated `OpExecutionContext`, or called ``context`` without annotation.
    A parameter called ``config`` that is annotated with a `Config` class is the op's config; parameters annotated with
    resource classes are resources; all others are inputs. Types and outputs come from the annotations. The body may be a
    function, a generator that yields `Output`, a coroutine function or an asynchronous generator.

    Args:
        function: The body, when used bare.
        options: ``name`` (default: the function's), ``description`` (default: its docstring), ``ins`` and ``out`` (more
            about inputs and outputs), ``config_schema`` (where there is no ``config`` parameter),
            ``required_resource_keys``, ``tags``, ``retry_policy``, ``code_version``.

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    if function is None:
        return lambda body: _checked_op(body, options)
    return _checked_op(function, options)


def _checked_op(function: Any, options: dict[str, Any]) -> OpDefinition[Any, Any]:
    if not callable(function) or isinstance(function, (type, NodeDefinition)):
        raise errors.OpweaveInvalidDefinitionError(
            f"@op is put on {shown(function)} ({origins.caller_origin()}): put it on a function; "
            "the op's name is given by name="
        )
    if not isinstance(function, (types.FunctionType, types.MethodType)) and not options.get("name"):
        options = {**options, "name": getattr(function, "__name__", type(function).__name__)}
    return OpDefinition(function, **options)
