"""Writing what a file itself showed: who said something else is kept, not believed."""

from collections.abc import Sequence

from registry.catalog.database import Database
from registry.catalog.engine import Within
from registry.catalog.merge import FROM_HEADER
from registry.domain.variant import Precision


def learn_content(
    database: Database, file_id: int, precision: Precision | None, contradictions: Sequence[str]
) -> None:
    """Correct the precision of a file and add the sentences that are not there yet."""
    with database.transaction() as connection:
        if precision is not None:
            connection.exec_driver_sql(
                "UPDATE files SET precision = ?, precision_basis = ? WHERE id = ?",
                (precision.value, FROM_HEADER, file_id),
            )
        known = {row[0] for row in Within(connection).rows(_KNOWN, (file_id,))}
        for sentence in contradictions:
            if sentence not in known:
                connection.exec_driver_sql(_ADD, (file_id, sentence))


_KNOWN = "SELECT text FROM notes WHERE file_id = ? AND kind = 'contradiction'"
_ADD = "INSERT INTO notes (file_id, kind, text) VALUES (?, 'contradiction', ?)"
