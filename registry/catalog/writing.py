"""What it takes to change something: one transaction, in plain SQL.

Names of tables and columns come from the modules of this room, never from outside. SQLite refuses
a wrong one, since all stand in brackets: in double quotes it would take it for a text.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from registry.catalog.reading import Row


class Transaction:
    """A transaction that has begun; its questions see what it has written so far."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[Row]:
        """All rows of a SELECT."""
        return self._connection.execute(sql, tuple(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Any other statement; how many rows it touched."""
        return self._connection.execute(sql, tuple(parameters)).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """The same statement for every one of `rows`."""
        self._connection.executemany(sql, rows)

    def insert(self, table: str, **values: object) -> int:
        """Add a row; its number."""
        sql = _insertion(table, tuple(values))
        return self._connection.execute(sql, tuple(values.values())).lastrowid or 0

    def insert_many(
        self, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[object]]
    ) -> None:
        """Add rows."""
        self.run_many(_insertion(table, columns), rows)

    def upsert(
        self, table: str, key: Mapping[str, object], fresh: Mapping[str, object], **first: object
    ) -> int:
        """Add a row, or change the one with this key; its number.

        Args:
            table: Where to.
            key: What is unique about it.
            fresh: What it says from now on.
            first: What it says only if it is new.
        """
        sql = _upsertion(table, tuple(key), tuple(fresh), tuple(first))
        values = (*key.values(), *fresh.values(), *first.values())
        return int(self.rows(sql, values)[0][0])

    def update(self, table: str, changes: Mapping[str, object], **where: object) -> int:
        """Change the rows that have all these values; how many there were."""
        sql = _updating(table, tuple(changes), tuple(where))
        return self.run(sql, (*changes.values(), *where.values()))

    def delete(self, table: str, **where: object) -> int:
        """Delete the rows that have all these values; how many there were."""
        return self.run(_deletion(table, tuple(where)), tuple(where.values()))


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(map(_named, columns))}) VALUES ({marks})"  # noqa: S608 - names of our own


@cache
def _upsertion(
    table: str, key: tuple[str, ...], fresh: tuple[str, ...], first: tuple[str, ...]
) -> str:
    changes = ", ".join(f"{_named(name)} = excluded.{_named(name)}" for name in fresh)
    return (
        f"{_insertion(table, (*key, *fresh, *first))} "
        f"ON CONFLICT ({', '.join(map(_named, key))}) DO UPDATE SET {changes} RETURNING rowid"
    )


@cache
def _updating(table: str, changes: tuple[str, ...], where: tuple[str, ...]) -> str:
    values = ", ".join(f"{_named(name)} = ?" for name in changes)
    return f"UPDATE {table} SET {values} WHERE {_all(where)}"  # noqa: S608 - as above


@cache
def _deletion(table: str, where: tuple[str, ...]) -> str:
    return f"DELETE FROM {table} WHERE {_all(where)}"  # noqa: S608 - as above


def _all(where: tuple[str, ...]) -> str:
    return " AND ".join(f"{_named(name)} = ?" for name in where)


def _named(column: str) -> str:
    return f"[{column}]"
