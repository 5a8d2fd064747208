"""What all types share: the request's context, scalars, tags."""

from __future__ import annotations

from collections.abc import Mapping

import strawberry
from strawberry.scalars import JSON

from opweave_operator.api.context import ApiContext

Info = strawberry.Info[ApiContext, None]


@strawberry.type
class Tag:
    """A name and a value that people put on runs and jobs."""

    key: str
    value: str


@strawberry.input
class TagInput:
    """A tag to set or to look for."""

    key: str
    value: str


@strawberry.interface
class Error:
    """Why something was not done: what, where and how to mend it."""

    message: str


def json_of(value: object) -> JSON:
    """Return *value*, which holds plain JSON values only, as the scalar."""
    return JSON(value)


def tags_of(tags: Mapping[str, str]) -> list[Tag]:
    """Return a mapping of tags as a list, by name."""
    return [Tag(key=key, value=value) for key, value in sorted(tags.items())]
