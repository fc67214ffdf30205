"""SQLAlchemy's side of the database: how a connection that writes is set up."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

from registry.catalog.reading import Row

CACHE_KIB = 128 * 1024  # a large import touches every index; a small cache writes pages many times


def make_engine(path: Path, *, wait_s: float, durable: bool) -> Engine:
    """An engine whose transactions begin with BEGIN IMMEDIATE: who reads in it may also write.

    Its one connection stays open: a new one reads the whole schema first, and writers take turns.
    Not durable, a power cut may undo the last transactions, and never spoils the file.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions itself: it would do so late, and never before DDL.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {int(wait_s * 1000)}",
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durable else 'NORMAL'}",
            "foreign_keys = ON",
            f"cache_size = -{CACHE_KIB}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class Within:
    """Reading inside a transaction: sees what it has written so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[Row]:
        """All rows of a SELECT."""
        return self._connection.exec_driver_sql(sql, tuple(parameters)).fetchall()
