"""Settings of the operator's processes from their environment."""

from __future__ import annotations

import pytest

from opweave_operator import settings


def test_a_namespace_alone_gives_every_other_default() -> None:
    """The chart sets little, and each default is a plain value."""
    own = settings.from_environment({"OPWEAVE_NAMESPACE": "data"})
    expected = settings.OperatorSettings(
        namespace="data",
        api_url="http://opweave-web.data.svc",
        database_url="sqlite:////var/lib/opweave/opweave.db",
    )
    assert expected == own


def test_roles_and_namespaces_are_lists_with_commas() -> None:
    """Spaces and empty members do not count."""
    own = settings.from_environment(
        {
            "OPWEAVE_NAMESPACE": "data",
            "OPWEAVE_ROLES": "web",
            "OPWEAVE_WATCH_NAMESPACES": "team-a, team-b,",
        }
    )
    assert (False, True, ("team-a", "team-b")) == (
        own.runs_controller,
        own.runs_web,
        own.watch_namespaces,
    )


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("OPWEAVE_HTTP_PORT", "80a", "expected a number from 1 to 65535"),
        ("OPWEAVE_HTTP_PORT", "70000", "expected a number from 1 to 65535"),
        ("OPWEAVE_ROLES", "wep", "expected controller, web or both"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(variable: str, value: str, told: str) -> None:
    """The message has the variable, its value and what is expected."""
    with pytest.raises(settings.SettingsError, match=told) as caught:
        settings.from_environment({"OPWEAVE_NAMESPACE": "data", variable: value})
    assert variable in str(caught.value)
    assert value in str(caught.value)
