"""Writing about disputes; `dispute_records` says what each step promises."""

from collections.abc import Iterable
from datetime import datetime

from registry.catalog.database import Database
from registry.catalog.instants import to_text
from registry.catalog.writing import Transaction
from registry.domain.dispute import Dispute


def record(database: Database, dispute: Dispute, *, accepted_at: datetime | None = None) -> None:
    """Note a dispute, or see an older one again."""
    fresh = {
        "file_name": dispute.file_name,
        "size_bytes": dispute.size_bytes,
        "seen_at": to_text(dispute.seen_at),
        "cause": dispute.cause,
    }
    if dispute.kept_at is not None:
        fresh["kept_at"] = str(dispute.kept_at)
    if accepted_at is not None:
        fresh["accepted_at"] = to_text(accepted_at)
    key = {"promised": str(dispute.promised), "seen_sha256": dispute.seen.digits}
    with database.transaction() as transaction:
        number = transaction.upsert("disputes", key, fresh)
        _unite_sources(transaction, number, dispute.sources)


def _unite_sources(transaction: Transaction, number: int, sources: Iterable[str]) -> None:
    rows = transaction.rows("SELECT source FROM dispute_sources WHERE dispute_id = ?", (number,))
    there = [row[0] for row in rows]
    fresh = [source for source in dict.fromkeys(sources) if source not in there]
    for position, source in enumerate(fresh, start=len(there)):
        transaction.insert("dispute_sources", dispute_id=number, position=position, source=source)
