"""Fixtures of the storage tests."""

from __future__ import annotations

from databases import (
    database_url,
    empty_url,
    migrated_file,
    migrated_template,
    open_more_stores,
    postgres_url,
    sqlite_url,
    stores,
)
from postgres import (
    postgres_programs,
    postgres_server,
)

__all__ = [
    "database_url",
    "empty_url",
    "migrated_file",
    "migrated_template",
    "open_more_stores",
    "postgres_programs",
    "postgres_server",
    "postgres_url",
    "sqlite_url",
    "stores",
]
