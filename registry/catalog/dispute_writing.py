"""Writing about disputes; `dispute_records` says what each step promises."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from registry.catalog import tables as t
from registry.catalog.database import Database
from registry.catalog.instants import to_text
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
    statement = upsert(t.disputes).values(**key, **fresh)
    with database.transaction() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=fresh))
        found = connection.execute(select(t.disputes.c.id).filter_by(**key))
        _unite_sources(connection, int(found.scalar_one()), dispute.sources)


def _unite_sources(connection: Connection, number: int, sources: Iterable[str]) -> None:
    column = t.dispute_sources.c
    known = connection.execute(select(column.source).where(column.dispute_id == number))
    there = list(known.scalars())
    fresh = [source for source in dict.fromkeys(sources) if source not in there]
    for position, source in enumerate(fresh, start=len(there)):
        connection.execute(
            insert(t.dispute_sources).values(dispute_id=number, position=position, source=source)
        )
