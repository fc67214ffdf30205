"""Writing what a file itself showed: who said something else is kept, not believed."""

from collections.abc import Sequence

from registry.catalog.database import Database
from registry.domain.variant import Precision

FROM_HEADER = "header"
"""The `precision_basis` of what a file's own header told."""


def learn_content(
    database: Database, file_id: int, precision: Precision | None, contradictions: Sequence[str]
) -> None:
    """Correct the precision of a file and add the sentences that are not there yet."""
    with database.transaction() as transaction:
        if precision is not None:
            told = {"precision": precision.value, "precision_basis": FROM_HEADER}
            transaction.update("files", told, id=file_id)
        known = {row[0] for row in transaction.rows(_KNOWN, (file_id,))}
        for sentence in contradictions:
            if sentence not in known:
                transaction.insert("notes", file_id=file_id, kind="contradiction", text=sentence)


_KNOWN = "SELECT text FROM notes WHERE file_id = ? AND kind = 'contradiction'"
