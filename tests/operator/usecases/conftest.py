"""Use-cases on real storage, with a real code server where one is needed."""

from __future__ import annotations

from postgres import postgres_programs, postgres_server
from support.api_fixtures import any_world, asset_shop, asset_world, shop, shop_world, world

__all__ = [
    "any_world",
    "asset_shop",
    "asset_world",
    "postgres_programs",
    "postgres_server",
    "shop",
    "shop_world",
    "world",
]
