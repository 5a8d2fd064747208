"""Arguments that Dagster's users know and that do nothing here yet: refused, so that nothing is silently without effect."""

from __future__ import annotations

from opweave import errors
from opweave.config.problems import shown


def refuse(owner: str, **values: object) -> None:
    """Check that arguments which are not supported yet are not given.

    Raises:
        OpweaveInvalidDefinitionError: One is.
    """
    for name, value in values.items():
        if value:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} is given {name}={shown(value)}: {name} is not supported yet; leave it out"
            )
