"""Writing hashes: each is kept once, however many files have it."""

from collections.abc import Sequence

from registry.catalog.writing import Transaction
from registry.domain.hashes import Hashes


def add_hashes(transaction: Transaction, found: Sequence[tuple[int, str, str, str | None]]) -> None:
    """Add hashes, each as (file, kind, digits, confidence); one that the file has stays."""
    transaction.run_many(_ADD, [(kind, digits) for _, kind, digits, _ in found])
    transaction.run_many(
        _LINK, [(file_id, sure, kind, digits) for file_id, kind, digits, sure in found]
    )


_ADD = "INSERT OR IGNORE INTO hashes (kind, digits) VALUES (?, ?)"
_LINK = """
    INSERT OR IGNORE INTO file_hashes (file_id, hash_id, confidence)
    SELECT ?, id, ? FROM hashes WHERE kind = ? AND digits = ?"""


def learn_hashes(
    transaction: Transaction, file_id: int, measured: Hashes, *, confidence: str | None = None
) -> None:
    """Add the kinds that are not known yet, and correct the lesser ones that differ.

    Raises:
        ValueError: They contradict a known SHA-256 or BLAKE3.
    """
    known = Hashes.of(*(row[0] for row in transaction.rows(_HASHES_OF, (file_id,))))
    wrong = known.contradictions(measured)
    for expected, got in wrong:
        if Hashes((expected,)).can_prove:
            raise ValueError(f"file {file_id} has {expected}, not {got}")
        transaction.run(_UNLINK, (file_id, expected.kind.value, expected.digits))
    corrected = {got.kind for _, got in wrong}
    new = [item for item in measured if known.get(item.kind) is None or item.kind in corrected]
    add_hashes(transaction, [(file_id, item.kind.value, item.digits, confidence) for item in new])


_UNLINK = """
    DELETE FROM file_hashes
    WHERE file_id = ? AND hash_id = (SELECT id FROM hashes WHERE kind = ? AND digits = ?)"""
_HASHES_OF = """
    SELECT kind || ':' || digits FROM file_hashes JOIN hashes ON hashes.id = hash_id
    WHERE file_id = ?"""
