"""Fixtures of the storage tests."""

from __future__ import annotations

from databases import database_url as database_url
from databases import empty_url as empty_url
from databases import migrated_file as migrated_file
from databases import migrated_template as migrated_template
from databases import open_more_stores as open_more_stores
from databases import postgres_url as postgres_url
from databases import sqlite_url as sqlite_url
from databases import stores as stores
from postgres import postgres_programs as postgres_programs
from postgres import postgres_server as postgres_server
