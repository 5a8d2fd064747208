"""The GraphQL schema with its limits, and its text.

``python -m opweave_operator.api.schema`` prints the text, which is kept in ``schema.graphql`` beside this module.
"""

from __future__ import annotations

import inspect
import re
import sys
from types import ModuleType
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.extensions import (
    AddValidationRules,
    MaskErrors,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.types import ExecutionContext

from opweave_operator.api import mutations, queries, subscriptions
from opweave_operator.api.cost import CostLimiter
from opweave_operator.api.request_error import RequestError
from opweave_operator.api.types import (
    asset,
    compute_log,
    event,
    instance,
    instigator,
    launch,
    location,
    run,
    scalars,
    step,
)

MAX_DEPTH = 12
MAX_TOKENS = 4000
MAX_ALIASES = 50
CACHED_QUERIES = 128
"""Parsed and validated texts that are kept: pages and scripts ask the same again and again, with other variables."""

_DESCRIBED = (
    queries,
    mutations,
    subscriptions,
    asset,
    compute_log,
    event,
    instance,
    instigator,
    launch,
    location,
    run,
    scalars,
    step,
)

_ARGUMENT = re.compile(r"\*([a-z_]+)\*")

_log = structlog.get_logger(__name__)


class _Schema(strawberry.Schema):
    """Logs what resolvers raise, without the user's variables."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        for error in errors:
            if error.original_error is not None and _is_masked(error):
                _log.error("resolver_failed", path=error.path, exc_info=error.original_error)


def _is_masked(error: GraphQLError) -> bool:
    """Return whether people must not see the text: it came from inside."""
    original = error.original_error
    return original is not None and not isinstance(original, (RequestError, GraphQLError))


def _describe(module: ModuleType) -> None:
    """Give the types of *module* their docstrings as descriptions."""
    for value in list(vars(module).values()):
        definition: Any = getattr(value, "__strawberry_definition__", None)
        # Any: strawberry's definition objects have no public type.
        if definition is None:
            continue
        definition.description = definition.description or _summary(value)
        for field in getattr(definition, "fields", ()):
            resolver = field.base_resolver
            if resolver is not None and not field.description:
                field.description = _summary(resolver.wrapped_func)


def _summary(documented: object) -> str | None:
    """Return the docstring in the schema's spelling: camelCase for arguments, one kind of quote."""
    text = inspect.getdoc(documented)
    if text is None:
        return None
    named = _ARGUMENT.sub(lambda match: f"`{_camel_case(match[1])}`", text)
    return named.split("\n\nRaises:")[0].replace("``", "`")


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def build() -> strawberry.Schema:
    """Return the schema."""
    for module in _DESCRIBED:
        _describe(module)
    # Made once: the cache knows a validated query by its text and by these very rules.
    rules = [
        *MaxAliasesLimiter(max_alias_count=MAX_ALIASES).validation_rules,
        *QueryDepthLimiter(max_depth=MAX_DEPTH).validation_rules,
    ]
    return _Schema(
        query=queries.Query,
        mutation=mutations.Mutation,
        subscription=subscriptions.Subscription,
        extensions=[
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            lambda: AddValidationRules(rules),
            CostLimiter,
            lambda: ParserCache(maxsize=CACHED_QUERIES),
            lambda: ValidationCache(maxsize=CACHED_QUERIES),
            lambda: MaskErrors(
                _is_masked, "something went wrong inside; the web role's log says what"
            ),
        ],
    )


def text() -> str:
    """Return the schema in GraphQL's own language."""
    return build().as_str() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
