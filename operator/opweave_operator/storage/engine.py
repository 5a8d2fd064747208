"""Open a database by its URL and bring its tables up to date. Called by `bootstrap` and by tests."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import exc, make_url

from opweave_operator import errors
from opweave_operator.storage import migrating, postgresql, sqlite
from opweave_operator.storage.database import PATIENCE_SECONDS, Database

_FORMS = "sqlite:////absolute/path.db or postgresql://user:password@host:5432/name"


def open_database(url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> Database:
    """Return the database at *url*; PostgreSQL is not contacted before the first operation.

    Args:
        url: ``sqlite:////absolute/path.db`` or ``postgresql://...`` with any parameter of libpq.
        patience_seconds: How long an operation waits for a database that does not answer.

    Raises:
        StorageError: *url* has neither form, or the file's directory cannot be made.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):  # its text would repeat the URL with the password
        raise errors.StorageError(
            f"the database URL cannot be read; its form is {_FORMS}"
        ) from None
    kind = parsed.get_backend_name() if "+" not in parsed.drivername else parsed.drivername
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        return sqlite.open_sqlite(Path(parsed.database), patience_seconds)
    if kind in ("postgresql", "postgres", "postgresql+psycopg") and parsed.database:
        return postgresql.PostgresDatabase(
            parsed.set(drivername="postgresql+psycopg"), patience_seconds
        )
    raise errors.StorageError(
        f"the database URL {parsed.render_as_string(hide_password=True)} is not supported; its form is {_FORMS}"
    )


async def migrate(database: Database) -> None:
    """Make the tables of *database*, or bring them to this version; processes that do so at once wait for each other.

    Raises:
        SchemaUnknown: A newer version of opweave has migrated it.
        StorageError: The database refused.
    """
    await database.write(migrating.upgrade)
