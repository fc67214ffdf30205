"""SQLAlchemy's side of the database: the transaction in which Alembic runs migrations."""

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from registry.catalog.database import Database


def make_engine(database: Database) -> Engine:
    """An engine over connections that are set up as those of all writers."""
    engine = create_engine("sqlite://", creator=database.connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextlib.contextmanager
def migrating(database: Database) -> Iterator[Connection]:
    """A transaction for migrations: all of them or none. The caller holds `exclusive`.

    Raises:
        CatalogBusy: Another program holds the file.
        CatalogDamaged: SQLite found broken pages.
        StoreUnwritable: The disk is full, read-only, or failing.
    """
    try:
        with make_engine(database).begin() as connection:
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise database.translated(error.orig) from error
        raise
