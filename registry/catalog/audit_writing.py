"""Writing about audits; `audit_records` says what each step promises."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select, update

from registry.catalog import tables as t
from registry.catalog.database import Database
from registry.catalog.instants import to_text
from registry.domain.audit import AuditRun, Finding, FindingKind


def begin(database: Database, run: AuditRun) -> int:
    """Begin a run."""
    with database.transaction() as connection:
        return _insert(connection, t.audit_runs, began_at=to_text(run.began_at), **_so_far(run))


def record(database: Database, run: AuditRun, findings: Sequence[Finding], at: datetime) -> None:
    """Add findings about one file."""
    with database.transaction() as connection:
        for sha256 in {finding.sha256 for finding in findings}:
            _settle(connection, sha256, None, at)
        for finding in findings:
            number = _insert(
                connection,
                t.findings,
                run_id=run.id,
                kind=finding.kind.value,
                sha256=finding.sha256,
                path=str(finding.path),
                message=finding.message,
                found_at=to_text(at),
            )
            if finding.pieces:
                rows = [{"finding_id": number, "piece": piece} for piece in finding.pieces]
                connection.execute(insert(t.finding_pieces), rows)
            if finding.kind is FindingKind.OK:
                _verified(connection, finding, at)
        _note(connection, run)


def finish(database: Database, run: AuditRun, at: datetime) -> None:
    """End a run."""
    with database.transaction() as connection:
        _note(connection, run, finished_at=to_text(at))


def settle(database: Database, sha256: str, path: Path | None, at: datetime) -> int:
    """Settle open findings; how many."""
    with database.transaction() as connection:
        return _settle(connection, sha256, path, at)


def _settle(connection: Connection, sha256: str, path: Path | None, at: datetime) -> int:
    places = t.findings.c.path == str(path) if path is not None else t.findings.c.id > 0
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


def _verified(connection: Connection, finding: Finding, at: datetime) -> None:
    is_link = select(t.links.c.id).where(t.links.c.path == str(finding.path)).exists()
    connection.execute(
        update(t.blobs)
        .where(t.blobs.c.sha256 == finding.sha256, ~is_link)
        .values(verified_at=to_text(at))
    )


def _note(connection: Connection, run: AuditRun, **more: object) -> None:
    connection.execute(
        update(t.audit_runs).where(t.audit_runs.c.id == run.id).values(**_so_far(run), **more)
    )


def _so_far(run: AuditRun) -> dict[str, object]:
    return {
        "scope": run.scope,
        "trigger": run.trigger,
        "deep": int(run.deep),
        "checked": run.checked,
        "read_bytes": run.read_bytes,
        "found": run.found,
        "remaining": run.remaining,
        "seconds": run.seconds,
        "ending": run.ending.value if run.ending is not None else None,
    }


def _insert(connection: Connection, table: Table, **values: object) -> int:
    result = connection.execute(insert(table).values(**values))
    return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0
