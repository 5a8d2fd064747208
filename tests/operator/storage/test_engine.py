"""Opening a database by its URL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from opweave_operator import errors
from opweave_operator.storage import engine


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://user:secret@host/name",
        "postgresql+asyncpg://user:secret@host/name",
        "postgresql://user:secret@host",
        "postgresql://user:secret@host:port/name",
    ],
)
def test_another_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(errors.StorageError, match="its form is sqlite:////absolute") as raised:
        engine.open_database(url)
    assert "secret" not in str(raised.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.StorageError, match="cannot make the directory of the SQLite file"):
        engine.open_database(f"sqlite:///{tmp_path}/file/opweave.db")


async def test_the_directory_of_a_file_is_made(tmp_path: Path) -> None:
    database = engine.open_database(f"sqlite:///{tmp_path}/a/b/opweave.db")
    await engine.migrate(database)
    await database.close()
    assert (tmp_path / "a" / "b" / "opweave.db").exists()


async def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "opweave.db"
    path.write_text("not a database " * 100)
    database = engine.open_database(f"sqlite:///{path}")
    with pytest.raises(errors.StorageError, match="file is not a database"):
        await engine.migrate(database)
    await database.close()


async def test_sqlite_keeps_what_is_acknowledged(sqlite_url: str) -> None:
    """The settings on which durability stands, and the fence around readers."""
    database = engine.open_database(sqlite_url)

    def settings(connection: Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in names}

    found = await database.write(settings)
    with pytest.raises(errors.StorageError, match="readonly"):
        await database.read(lambda c: c.execute(text("DELETE FROM runs")))
    await database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_database_can_be_opened_by_other_tools_meanwhile(sqlite_url: str) -> None:
    database = engine.open_database(sqlite_url)
    await database.read(lambda c: c.execute(text("SELECT count(*) FROM runs")).scalar())
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as other:
        assert other.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    other.close()
    await database.close()
