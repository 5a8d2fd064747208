"""What schedules and sensors share: the jobs they launch, and how their function is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import graph as graphs
from opweave.definitions import job as job_definitions
from opweave.definitions import origin as origins
from opweave.definitions import signature

if TYPE_CHECKING:
    from opweave.definitions.assets.define_job import UnresolvedAssetJobDefinition

    Target: TypeAlias = job_definitions.JobDefinition | UnresolvedAssetJobDefinition | str


def targets_of(given: Iterable[object], owner: str) -> tuple[Target, ...]:
    """Return jobs, or names of jobs of the same `Definitions`.

    Raises:
        OpweaveInvalidDefinitionError: Something else is given.
    """
    found: list[Target] = []
    for value in given:
        if isinstance(value, graphs.GraphDefinition):
            found.append(value.to_job())
        elif isinstance(value, (job_definitions.JobDefinition, str)):
            found.append(value)
        elif hasattr(value, "__opweave_asset_job__"):
            found.append(cast("UnresolvedAssetJobDefinition", value))
        else:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} is given {shown(value)} to launch: give a job, or the name of one"
            )
    return tuple(found)


def name_of(target: Target) -> str:
    """Return the name of a job to launch."""
    return target if isinstance(target, str) else target.name


class EvaluationFunction:
    """A user's function with what its signature asks for: the context by position, resources by name.

    Args:
        function: The user's.
        owner: For messages.
        required: Keys of resources that it takes from its context.
    """

    def __init__(
        self, function: Callable[..., Any], owner: str, required: Iterable[str] | None
    ) -> None:
        self.function = function
        self._owner = owner
        parameters = list(inspect.signature(function).parameters.values())
        annotations = signature.annotations_of(function)
        self.resource_names = tuple(
            p.name for p in parameters if signature.is_resource_annotation(annotations.get(p.name))
        )
        others = [p for p in parameters if p.name not in self.resource_names]
        needed = [p for p in others if p.default is p.empty]
        if len(needed) > 1 or any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} takes ({', '.join(map(str, parameters))}): take the context, and resources annotated with"
                " their classes"
            )
        self.context_name = others[0].name if others else None
        self.resource_keys = frozenset(required or ()) | frozenset(self.resource_names)

    def call(self, context: Any, **resources: Any) -> Any:
        """Call the function; resources that are not given come from *context*.

        Raises:
            OpweaveInvalidInvocationError: It needs a context or a resource that is not there.
        """
        unknown = resources.keys() - set(self.resource_names)
        if unknown:
            raise errors.OpweaveInvalidInvocationError(
                f"{self._owner} takes no {', '.join(sorted(unknown))}"
            )
        values = dict(resources)
        for name in self.resource_names:
            if name not in values:
                if context is None:
                    raise errors.OpweaveInvalidInvocationError(
                        f"{self._owner} needs the resource {name!r}: pass {name}=..., or a context with it"
                    )
                values[name] = getattr(context.resources, name)
        if self.context_name is None:
            return self.function(**values)
        if context is None:
            raise errors.OpweaveInvalidInvocationError(
                f"{self._owner} needs a context: pass what build_schedule_context() or build_sensor_context() returns"
            )
        return self.function(**{self.context_name: context}, **values)


def checked_function(value: object, decorator: str) -> Callable[..., Any]:
    """Return *value* if ``@decorator`` may stand on it.

    Raises:
        OpweaveInvalidDefinitionError: It is not a function.
    """
    if not callable(value) or isinstance(value, type):
        raise errors.OpweaveInvalidDefinitionError(
            f"@{decorator} is put on {shown(value)} ({origins.caller_origin()}): put it on a function, with its"
            " arguments in brackets"
        )
    return value
