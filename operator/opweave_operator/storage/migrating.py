"""Run the migrations that lie in the package, without a configuration file."""

from __future__ import annotations

from pathlib import Path

from alembic import command, config, script
from alembic.runtime import migration
from sqlalchemy import Connection, text

from opweave_operator import errors

VERSION_TABLE = "opweave_schema"
"""Not Alembic's own name, which another program in the same database may use."""

_LOCK_KEY = 0x6F707765617665 & 0x7FFFFFFFFFFFFFFF
"""``opweave`` in ASCII: the advisory lock under which one process migrates while the others wait."""


def upgrade(connection: Connection) -> None:
    """Migrate to the newest revision, inside the transaction of *connection*.

    Raises:
        SchemaUnknown: The database's revision is not among ours.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '300s'"))
        connection.execute(text("SET LOCAL statement_timeout = '300s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    settings = _configuration(connection)
    revision = current_revision(connection)
    scripts = script.ScriptDirectory.from_config(settings)
    known = {known.revision for known in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise errors.SchemaUnknown(
            f"the database's tables are at revision {revision}, which this version of opweave does not know"
            f" (its newest is {scripts.get_current_head()}): a newer version has migrated them;"
            " run that version or a later one, or use another database"
        )
    if revision != scripts.get_current_head():
        command.upgrade(settings, "head")


def pending_revisions(connection: Connection) -> tuple[str, ...]:
    """Return the revisions that `upgrade` would apply, oldest first; nothing is changed.

    Raises:
        SchemaUnknown: The database's revision is not among ours.
    """
    scripts = script.ScriptDirectory.from_config(_configuration(None))
    newest_first = [known.revision for known in scripts.walk_revisions()]
    current = current_revision(connection)
    if current is not None and current not in newest_first:
        raise errors.SchemaUnknown(
            f"the database's tables are at revision {current}, which this version of opweave does not know"
        )
    done = newest_first.index(current) if current is not None else len(newest_first)
    return tuple(reversed(newest_first[:done]))


def newest_revision() -> str:
    """Return the revision to which `upgrade` brings the tables."""
    settings = _configuration(None)
    return script.ScriptDirectory.from_config(settings).get_current_head() or ""


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None when there are none."""
    context = migration.MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    return context.get_current_revision()


def _configuration(connection: Connection | None) -> config.Config:
    settings = config.Config()
    settings.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings
