"""What the catalog keeps about itself: one text under each key."""

from typing import TYPE_CHECKING

from registry.catalog.reading import Reading

if TYPE_CHECKING:
    from sqlalchemy import Connection


def kept(reading: Reading, key: str) -> str | None:
    """The text under a key; None if there is none."""
    found = reading.rows("SELECT value FROM catalog_meta WHERE key = ?", (key,))
    return str(found[0][0]) if found else None


def keep(connection: "Connection", key: str, value: str) -> None:
    """Keep a text under a key, instead of the one before."""
    connection.exec_driver_sql(
        "INSERT INTO catalog_meta(key, value) VALUES (?, ?) "
        "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def drop(connection: "Connection", key: str) -> None:
    """Forget a key."""
    connection.exec_driver_sql("DELETE FROM catalog_meta WHERE key = ?", (key,))
