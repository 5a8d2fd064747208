"""Definitions of assets for the tests of jobs that select some of them."""

from __future__ import annotations

from opweave import Definitions, asset


@asset
def orders() -> int:
    """Return how many there are."""
    return 3


@asset(group_name="reporting")
def report(orders: int) -> str:
    """Return a text about them."""
    return f"{orders} orders"


@asset
def stock() -> int:
    """Return what is left."""
    return 7


defs = Definitions(assets=[orders, report, stock])
