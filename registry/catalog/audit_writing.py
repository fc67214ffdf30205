"""Writing about audits; `audit_records` says what each step promises."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select, update

from registry.catalog import tables as t
from registry.catalog.database import Database
from registry.catalog.instants import to_text
from registry.domain.audit import Finding, FindingKind


def begin(database: Database, at: datetime) -> int:
    """Begin a run."""
    with database.transaction() as connection:
        return _insert(connection, t.audit_runs, began_at=to_text(at))


def record(database: Database, run_id: int, findings: Sequence[Finding], at: datetime) -> None:
    """Add findings."""
    with database.transaction() as connection:
        for finding in findings:
            number = _insert(
                connection,
                t.findings,
                run_id=run_id,
                kind=finding.kind.value,
                sha256=finding.sha256,
                path=str(finding.path),
                message=finding.message,
                found_at=to_text(at),
            )
            for piece in finding.pieces:
                connection.execute(insert(t.finding_pieces).values(finding_id=number, piece=piece))
            if finding.kind is FindingKind.OK:
                _verified(connection, finding, at)


def _verified(connection: Connection, finding: Finding, at: datetime) -> None:
    is_link = select(t.links.c.id).where(t.links.c.path == str(finding.path)).exists()
    connection.execute(
        update(t.blobs)
        .where(t.blobs.c.sha256 == finding.sha256, ~is_link)
        .values(verified_at=to_text(at))
    )


def finish(database: Database, run_id: int, at: datetime) -> None:
    """End a run."""
    with database.transaction() as connection:
        connection.execute(
            update(t.audit_runs).where(t.audit_runs.c.id == run_id).values(finished_at=to_text(at))
        )


def settle(database: Database, sha256: str, path: Path | None, at: datetime) -> int:
    """Settle open findings; how many."""
    places = t.findings.c.path == str(path) if path is not None else t.findings.c.id > 0
    with database.transaction() as connection:
        result = connection.execute(
            update(t.findings)
            .where(
                t.findings.c.sha256 == sha256,
                places,
                t.findings.c.kind != FindingKind.OK.value,
                t.findings.c.settled_at.is_(None),
            )
            .values(settled_at=to_text(at))
        )
        return int(result.rowcount)


def _insert(connection: Connection, table: Table, **values: object) -> int:
    result = connection.execute(insert(table).values(**values))
    return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0
