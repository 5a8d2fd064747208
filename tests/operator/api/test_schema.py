"""The schema's text, its limits, and who depends on it."""

from __future__ import annotations

from importlib import resources

import graphql
import pytest

from opweave._cli import queries
from opweave_operator.api import schema

DOCUMENTS = {
    name: text
    for name, text in vars(queries).items()
    if isinstance(text, str) and text.startswith(("query ", "mutation "))
}
DOCUMENTS["runs"] = queries.runs(100)


def test_the_printed_schema_is_current() -> None:
    """Run ``python -m opweave_operator.api.schema`` and keep what it prints in ``schema.graphql``."""
    kept = resources.files("opweave_operator.api").joinpath("schema.graphql").read_text("utf-8")

    assert schema.text() == kept


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_the_command_line_asks_fits_the_schema(name: str) -> None:
    """Every document of the command line is valid within the limits."""
    built = graphql.build_schema(schema.text())

    assert graphql.validate(built, graphql.parse(DOCUMENTS[name])) == []


def test_every_type_has_a_description() -> None:
    """The console shows them, so a type says what it is."""
    built = graphql.build_schema(schema.text())
    silent = [
        name
        for name, kind in built.type_map.items()
        if isinstance(kind, graphql.GraphQLObjectType) and not name.startswith("__")
        if not kind.description
    ]

    assert silent == []
