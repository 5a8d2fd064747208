"""The one error of GraphQL resolvers whose text people see; every other is masked."""

from __future__ import annotations


class RequestError(Exception):
    """An argument is wrong; the text says which, and what would be right."""
