"""What audits found: every run with its findings, and which of them still wait for a repair."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from registry.catalog.database import Database
from registry.domain.audit import Finding, FindingKind


class AuditRecords:
    """Audit runs and findings in and out of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, at: datetime) -> int:
        """Begin a run; its number."""
        from registry.catalog import audit_writing  # noqa: PLC0415 - writes bring SQLAlchemy

        return audit_writing.begin(self._database, at)

    def record(self, run_id: int, findings: Iterable[Finding], at: datetime) -> None:
        """Add findings to a run. An `OK` about a blob also notes when it was verified."""
        from registry.catalog import audit_writing  # noqa: PLC0415 - as above

        audit_writing.record(self._database, run_id, tuple(findings), at)

    def finish(self, run_id: int, at: datetime) -> None:
        """End a run; one without an end was interrupted."""
        from registry.catalog import audit_writing  # noqa: PLC0415 - as above

        audit_writing.finish(self._database, run_id, at)

    def settle(self, sha256: str, path: Path | None = None, *, at: datetime) -> int:
        """Note that what was found about a blob, or at one path of it, is repaired.

        Returns:
            How many findings were open.
        """
        from registry.catalog import audit_writing  # noqa: PLC0415 - as above

        return audit_writing.settle(self._database, sha256, path, at)

    def latest_findings(self) -> tuple[Finding, ...]:
        """The newest finding of every place, where it is bad and not settled; oldest first."""
        rows = self._database.rows(_OPEN)
        pieces: dict[int, list[int]] = defaultdict(list)
        for number, piece in self._database.rows(_PIECES, (json.dumps([row[0] for row in rows]),)):
            pieces[number].append(piece)
        return tuple(
            Finding(FindingKind(kind), digits, Path(path), message, tuple(pieces[number]))
            for number, kind, digits, path, message in rows
        )


_OPEN = """
    SELECT id, kind, sha256, path, message FROM findings
    WHERE id IN (SELECT max(id) FROM findings GROUP BY sha256, path)
        AND kind <> 'ok' AND settled_at IS NULL
    ORDER BY id"""
_PIECES = """
    SELECT finding_id, piece FROM finding_pieces
    WHERE finding_id IN (SELECT value FROM json_each(?)) ORDER BY 1, 2"""
