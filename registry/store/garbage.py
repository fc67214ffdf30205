"""Which stored files does nobody need any more? Pure."""

from collections.abc import Iterable


def removable(*, referenced: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """Hashes that lie in the store and that no record refers to, in order.

    Args:
        referenced: SHA-256 of every blob that a record, finished or intended, speaks of.
        present: SHA-256 of every blob in the store.

    Example:
        >>> removable(referenced={"a", "lost"}, present={"a", "c", "b"})
        ('b', 'c')
    """
    return tuple(sorted(set(present) - set(referenced)))
