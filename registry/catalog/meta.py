"""What the catalog keeps about itself: one text under each key."""

from registry.catalog.reading import Reading
from registry.catalog.writing import Transaction


def kept(reading: Reading, key: str) -> str | None:
    """The text under a key; None if there is none."""
    found = reading.rows("SELECT value FROM catalog_meta WHERE key = ?", (key,))
    return str(found[0][0]) if found else None


def keep(transaction: Transaction, key: str, value: str) -> None:
    """Keep a text under a key, instead of the one before."""
    transaction.upsert("catalog_meta", {"key": key}, {"value": value})


def drop(transaction: Transaction, key: str) -> None:
    """Forget a key."""
    transaction.delete("catalog_meta", key=key)
