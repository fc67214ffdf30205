"""Disputed hashes: what was promised, what was seen instead, from whom, and who accepted it."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from registry.catalog import dispute_writing
from registry.catalog.database import Database
from registry.catalog.instants import from_text
from registry.catalog.reading import Row
from registry.domain.dispute import Dispute
from registry.domain.hashes import Hash, HashKind


class DisputeRecords:
    """Disputes in and out of the database. None is ever erased."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def about(self, promised: Hash) -> tuple[Dispute, ...]:
        """Every dispute about this promise, oldest first."""
        return self._load("promised = ?", (str(promised),))

    def accepted(self, seen: str) -> tuple[Dispute, ...]:
        """Disputes in which the user accepted the bytes with this SHA-256, oldest first."""
        return self._load("seen_sha256 = ? AND accepted_at IS NOT NULL", (seen,))

    def record(self, dispute: Dispute) -> None:
        """Note a dispute; seen again, its sources are united, and an acceptance stays."""
        dispute_writing.record(self._database, dispute)

    def accept(self, dispute: Dispute, *, at: datetime | None = None) -> None:
        """Note a dispute, and that the user accepts what was seen."""
        dispute_writing.record(self._database, dispute, accepted_at=at or self._clock())

    def _load(self, where: str, parameters: Sequence[object]) -> tuple[Dispute, ...]:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM disputes WHERE {where} ORDER BY id",  # noqa: S608 - conditions of this module
            parameters,
        )
        sources: dict[int, list[str]] = defaultdict(list)
        numbers = json.dumps([row[0] for row in rows])
        for number, source in self._database.rows(_SOURCES, (numbers,)):
            sources[number].append(source)
        return tuple(_dispute(row, tuple(sources[row[0]])) for row in rows)


_COLUMNS = "id, file_name, promised, seen_sha256, size_bytes, seen_at, cause, kept_at, accepted_at"
_SOURCES = """
    SELECT dispute_id, source FROM dispute_sources
    WHERE dispute_id IN (SELECT value FROM json_each(?)) ORDER BY dispute_id, position"""


def _dispute(row: Row, sources: tuple[str, ...]) -> Dispute:
    return Dispute(
        file_name=row[1],
        promised=Hash.parse(row[2]),
        seen=Hash(HashKind.SHA256, row[3]),
        size_bytes=row[4],
        sources=sources,
        seen_at=datetime.fromisoformat(row[5]),
        cause=row[6],
        kept_at=Path(row[7]) if row[7] else None,
        accepted_at=from_text(row[8]),
    )
