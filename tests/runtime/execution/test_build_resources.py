"""Resources that are set up outside of a run."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from opweave import (
    ConfigurableResource,
    InitResourceContext,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    OpweaveInvalidInvocationError,
    ResourceDefinition,
    build_resources,
    resource,
)


class Store(ConfigurableResource):
    """A resource by class."""

    place: str


def test_resources_of_every_kind_are_set_up_and_torn_down() -> None:
    """In the order in which they require each other, however they are given."""
    order: list[str] = []

    @resource(required_resource_keys={"base"}, config_schema={"rows": int})
    def table(context: InitResourceContext) -> Iterator[int]:
        order.append(f"open on {context.resources.base}")
        yield context.resource_config["rows"]
        order.append("closed")

    given = {"table": table, "base": "plain", "store": Store(place="here")}
    with build_resources(given, {"table": {"config": {"rows": 3}}}) as resources:
        assert (resources.table, resources.base, resources.store.place) == (3, "plain", "here")
    assert order == ["open on plain", "closed"]


def test_ready_made_resources() -> None:
    """A mock of its own each time, and a text from config."""
    given = {
        "mock": ResourceDefinition.mock_resource(),
        "text": ResourceDefinition.string_resource(),
        "nothing": ResourceDefinition.none_resource(),
    }
    with build_resources(given, {"text": {"config": "hello"}}) as resources:
        assert isinstance(resources.mock, MagicMock)
        assert (resources.text, resources.nothing) == ("hello", None)


def test_what_does_not_fit_is_told() -> None:
    """Wrong config, config for no resource, and a resource that is not given."""

    @resource(required_resource_keys={"base"})
    def table() -> None: ...

    @resource(config_schema={"rows": int})
    def sized() -> None: ...

    with (
        pytest.raises(OpweaveInvalidDefinitionError, match="'base'"),
        build_resources({"t": table}),
    ):
        pass
    with pytest.raises(OpweaveInvalidConfigError), build_resources({"t": sized}):
        pass
    with (
        pytest.raises(OpweaveInvalidInvocationError, match="did you mean base"),
        build_resources({"base": 1}, {"bas": {"config": 1}}),
    ):
        pass
