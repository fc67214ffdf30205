"""Writing about audits; `audit_records` says what each step promises."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from registry.catalog.database import Database
from registry.catalog.instants import to_text
from registry.catalog.writing import Transaction
from registry.domain.audit import AuditRun, Finding, FindingKind


def begin(database: Database, run: AuditRun) -> int:
    """Begin a run."""
    with database.transaction() as transaction:
        return transaction.insert("audit_runs", began_at=to_text(run.began_at), **_so_far(run))


def record(database: Database, run: AuditRun, findings: Sequence[Finding], at: datetime) -> None:
    """Add findings about one file."""
    with database.transaction() as transaction:
        for sha256 in {finding.sha256 for finding in findings}:
            _settle(transaction, sha256, None, at)
        for finding in findings:
            number = transaction.insert(
                "findings",
                run_id=run.id,
                kind=finding.kind.value,
                sha256=finding.sha256,
                path=str(finding.path),
                message=finding.message,
                found_at=to_text(at),
            )
            pieces = [(number, piece) for piece in finding.pieces]
            transaction.insert_many("finding_pieces", ("finding_id", "piece"), pieces)
            if finding.kind is FindingKind.OK:
                transaction.run(_VERIFIED, (to_text(at), finding.sha256, str(finding.path)))
        _note(transaction, run)


_VERIFIED = """
    UPDATE blobs SET verified_at = ?
    WHERE sha256 = ? AND NOT EXISTS (SELECT 1 FROM links WHERE path = ?)"""


def finish(database: Database, run: AuditRun, at: datetime) -> None:
    """End a run."""
    with database.transaction() as transaction:
        _note(transaction, run, finished_at=to_text(at))


def settle(database: Database, sha256: str, path: Path | None, at: datetime) -> int:
    """Settle open findings; how many."""
    with database.transaction() as transaction:
        return _settle(transaction, sha256, path, at)


def _settle(transaction: Transaction, sha256: str, path: Path | None, at: datetime) -> int:
    place = None if path is None else str(path)
    return transaction.run(_SETTLE, (to_text(at), sha256, place))


_SETTLE = """
    UPDATE findings SET settled_at = ?
    WHERE sha256 = ? AND kind <> 'ok' AND settled_at IS NULL AND path = coalesce(?, path)"""


def _note(transaction: Transaction, run: AuditRun, **more: object) -> None:
    transaction.update("audit_runs", {**_so_far(run), **more}, id=run.id)


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
