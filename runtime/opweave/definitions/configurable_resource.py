"""Resource classes: pydantic models whose fields are the resource's config.

Imports pydantic; it is imported when user code first takes one of its classes from opweave.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import pydantic
import pydantic_core

from opweave import errors
from opweave.config import env_var, model
from opweave.config import types as config_types
from opweave.config.problems import Path, Problems
from opweave.definitions import resource as resources
from opweave.definitions.io_manager import IOManager

if TYPE_CHECKING:
    from opweave.execution.context import InitResourceContext


class ConfigurableResource(pydantic.BaseModel):
    """Base of resource classes: fields are config, methods are what ops use.

    An instance in ``Definitions(resources=...)`` gives the config's defaults, which run config may replace. Fields that
    are resource classes themselves are set up first. `EnvVar` values are read in the step's process.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    __opweave_resource_class__: ClassVar[bool] = True

    @pydantic.field_validator("*", mode="wrap")
    @classmethod
    def _keep_references(cls, value: Any, handler: pydantic.ValidatorFunctionWrapHandler) -> Any:
        return value if isinstance(value, (env_var.EnvVar, env_var.IntEnvVar)) else handler(value)

    @classmethod
    def configure_at_launch(cls, **given: Any) -> Self:
        """Return a resource whose fields, but for those that are *given*, run config must give."""
        return cls.model_construct(_fields_set=set(given), **given)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Prepare the resource; called once before user code uses it."""

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Clean up; called also when user code failed."""

    def create_resource(self, context: InitResourceContext) -> Any:
        """Return what ops receive: the resource itself, unless a class decides otherwise."""
        del context
        return self

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
        """Set up, give what ops receive, tear down."""
        self.setup_for_execution(context)
        try:
            yield self.create_resource(context)
        finally:
            self.teardown_after_execution(context)

    def __opweave_resource__(self) -> resources.ResourceDefinition:
        """Return the definition that sets up copies of this resource."""

        def set_up(context: InitResourceContext) -> Any:
            return entered(self, context.resource_config, context)

        return resources.ResourceDefinition(
            set_up,
            config_schema=ResourceModelType(self),
            description=type(self).__doc__,
            source=type(self),
        )

    def __opweave_config_value__(self) -> dict[str, Any]:
        """Return the config as it stands in YAML."""
        return given_config(self)


class ConfigurableIOManager(ConfigurableResource, IOManager):
    """Base of I/O managers whose fields are config."""


_M = TypeVar("_M", bound=IOManager)


class ConfigurableIOManagerFactory(ConfigurableResource, Generic[_M]):
    """Base of resources whose fields are config and which make an I/O manager of any class."""

    def create_io_manager(self, context: InitResourceContext) -> _M:
        """Return the I/O manager; the class has to define this.

        Raises:
            OpweaveInvalidDefinitionError: It does not.
        """
        raise errors.OpweaveInvalidDefinitionError(
            f"{type(self).__name__} does not define create_io_manager(self, context): return the I/O manager there"
        )

    def create_resource(self, context: InitResourceContext) -> Any:
        """Return the I/O manager."""
        return self.create_io_manager(context)


class ResourceModelType(model.ModelType):
    """The config of a resource class, with the values of one instance as defaults."""

    def __init__(self, instance: ConfigurableResource) -> None:
        super().__init__(type(instance))
        self._kept = kept_values(instance)
        self._given = given_config(instance)

    def validate(self, value: Any, path: Path, problems: Problems) -> Any:
        """Accept a mapping that the class accepts, references standing for values of any type."""
        mapping = self._mapping(value, path, problems)
        if mapping is None:
            return {}
        complete = {**self._given, **env_var.as_references(mapping)}
        for name in sorted(complete.keys() & self._kept.keys()):
            message = "is set in code and cannot be configured; leave it out"
            problems.add((*path, name), message, "UNKNOWN_FIELD")
        instance = self._instance(complete, _with_references(complete), path, problems)
        if instance is None:
            return complete
        filled = {k: v for k, v in model.dumped(instance).items() if k not in self._kept}
        return model.merged(filled, complete)

    def resolve(self, value: Any, path: Path, problems: Problems) -> Any:
        """Return the fields as a mapping, every reference replaced by the variable's value."""
        resolved = dict(value)
        found_before = len(problems.found)
        for name, item in value.items():
            if env_var.is_reference(item):
                resolved[name] = config_types.read_variable(item["env"], (*path, name), problems)
        if len(problems.found) == found_before:
            self._instance(value, resolved, path, problems)
        return resolved

    def _instance(
        self, told: Mapping[str, Any], values: Mapping[str, Any], path: Path, problems: Problems
    ) -> pydantic.BaseModel | None:
        """Return the object for *values*; errors show what *told* holds: never a variable's value."""
        try:
            return self.model.model_validate({**values, **self._kept})
        except pydantic.ValidationError as error:
            for detail in model.details(error):
                name = str(detail.location[0]) if detail.location else ""
                reference = told.get(name)
                if env_var.is_reference(reference):
                    variable = reference["env"] if isinstance(reference, Mapping) else ""
                    message = (
                        f"refers to the environment variable {variable}, whose value does not fit"
                    )
                    problems.add((*path, name), message, "INVALID_VALUE")
                else:
                    self.record(detail, told, path, problems)
        except Exception as error:  # noqa: BLE001  # a user's validator may raise anything
            # The text may hold a variable's value.
            message = f"could not be checked: its class raised {type(error).__name__}"
            problems.add(path, message, "INVALID_VALUE")
        return None

    def json_schema(self) -> dict[str, Any]:
        """Return the class's schema without what is set in code, the instance's values as defaults."""
        schema = super().json_schema()
        properties = {
            name: self._property(name, part)
            for name, part in schema.get("properties", {}).items()
            if name not in self._kept
        }
        needed = [
            name
            for name in schema.get("required", ())
            if name not in self._kept and name not in self._given
        ]
        return {**schema, "properties": properties, "required": needed}

    def _property(self, name: str, part: Mapping[str, Any]) -> dict[str, Any]:
        told = {k: part[k] for k in ("title", "description", "default") if k in part}
        plain = {k: v for k, v in part.items() if k not in told}
        if name in self._given:
            told["default"] = self._given[name]
        return {**told, "anyOf": [plain, config_types.REFERENCE_SCHEMA]}


@contextlib.contextmanager
def entered(
    template: ConfigurableResource, config: Mapping[str, Any], context: InitResourceContext
) -> Iterator[Any]:
    """Set up a copy of *template* with *config*, the resources in its fields before it; give what ops receive."""
    with contextlib.ExitStack() as stack:
        kept = kept_values(template)
        for name, value in kept.items():
            if isinstance(value, ConfigurableResource):
                own = _inner_config(value, name, context)
                kept[name] = stack.enter_context(entered(value, own, context))
        instance = type(template).model_validate({**config, **kept})
        yield stack.enter_context(instance.yield_for_execution(context))


def _inner_config(
    inner: ConfigurableResource, field: str, context: InitResourceContext
) -> dict[str, Any]:
    """Return the config of a resource inside another: its own values, references resolved."""
    problems = Problems()
    path = ("resources", context.resource_key, field)
    config_type = ResourceModelType(inner)
    config = config_type.validate({}, path, problems)
    if not problems.found:
        config = config_type.resolve(config, path, problems)
    if problems.found:
        raise errors.OpweaveInvalidConfigError(f"{'.'.join(path)} is wrong", problems.found)
    return dict(config)


def kept_values(instance: ConfigurableResource) -> dict[str, Any]:
    """Return the given values that never become config: resources, secrets, and what is no JSON."""
    return {
        name: getattr(instance, name)
        for name in sorted(instance.model_fields_set)
        if not _is_config(getattr(instance, name))
    }


def given_config(instance: ConfigurableResource) -> dict[str, Any]:
    """Return the given values that are config, as JSON."""
    return {
        name: _as_json(getattr(instance, name))
        for name in sorted(instance.model_fields_set)
        if _is_config(getattr(instance, name))
    }


def _is_config(value: object) -> bool:
    if isinstance(value, (ConfigurableResource, *model.SECRETS)):
        return False
    try:
        _as_json(value)
    except pydantic_core.PydanticSerializationError:
        return False
    return True


def _as_json(value: object) -> Any:
    if isinstance(value, (env_var.EnvVar, env_var.IntEnvVar)):
        return env_var.as_references(value)
    return pydantic_core.to_jsonable_python(value)


def _with_references(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* with references as `EnvVar`, which every field accepts."""
    return {
        name: env_var.EnvVar(item["env"]) if env_var.is_reference(item) else item
        for name, item in config.items()
    }
