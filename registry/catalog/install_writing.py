"""Writing about installs; `install_records` says what each step promises."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from registry.catalog import tables as t
from registry.catalog.database import Database
from registry.catalog.instants import to_text
from registry.domain.install import Blob, Install, Link, Placement


def intend(
    database: Database, install: Install, placements: Sequence[Placement], *, at: datetime
) -> int:
    """Note an intent; its id."""
    with database.transaction() as connection:
        result = connection.execute(
            insert(t.installs).values(
                state="intended",
                reference=install.reference,
                slug=install.slug,
                model_type=install.model_type,
                file_name=install.file_name,
                file_id=install.file_id,
                sha256=install.sha256,
                size_bytes=install.size_bytes,
                source=install.source,
                proven=install.proven,
                intended_at=to_text(at),
                installed_at=to_text(install.installed_at),
                derived_from=install.derived_from,
            )
        )
        number = int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0
        for position, placement in enumerate(placements):
            connection.execute(
                insert(t.placements).values(
                    install_id=number,
                    position=position,
                    layout=placement.layout,
                    path=str(placement.path),
                )
            )
    return number


def complete(
    database: Database, intent_id: int, links: Iterable[Link], blob: Blob, *, at: datetime
) -> int:
    """Record blob, install and links; the id of the install they belong to now."""
    with database.transaction() as connection:
        intent = connection.execute(
            select(t.installs).where(t.installs.c.id == intent_id)
        ).one_or_none()
        if intent is None:
            raise LookupError(f"there is no intent {intent_id}")
        blob_id = _record_blob(connection, blob, intent.source, at=at)
        twin = connection.execute(
            select(t.installs.c.id).where(
                t.installs.c.state == "complete",
                t.installs.c.id != intent_id,
                t.installs.c.slug.is_not_distinct_from(intent.slug),
                t.installs.c.file_name == intent.file_name,
                t.installs.c.sha256 == blob.sha256,
            )
        ).scalar()
        number = intent_id if twin is None else int(twin)
        if twin is not None:
            _forget(connection, intent_id)
        connection.execute(
            update(t.installs)
            .where(t.installs.c.id == number)
            .values(
                state="complete",
                reference=intent.reference,
                file_id=intent.file_id,
                sha256=blob.sha256,
                blob_id=blob_id,
                size_bytes=blob.size_bytes,
                source=intent.source,
                proven=intent.proven,
                installed_at=to_text(at),
                derived_from=intent.derived_from,
            )
        )
        connection.execute(delete(t.placements).where(t.placements.c.install_id == number))
        for link in links:
            _record_link(connection, number, link)
    return number


def _record_blob(connection: Connection, blob: Blob, source: str, *, at: datetime) -> int:
    fresh = {"path": str(blob.path), "size_bytes": blob.size_bytes}
    statement = upsert(t.blobs).values(
        sha256=blob.sha256, blake3=blob.blake3, source=source, adopted_at=to_text(at), **fresh
    )
    connection.execute(statement.on_conflict_do_update(index_elements=["sha256"], set_=fresh))
    found = connection.execute(select(t.blobs.c.id).where(t.blobs.c.sha256 == blob.sha256))
    return int(found.scalar_one())


def _record_link(connection: Connection, install_id: int, link: Link) -> None:
    values = {
        "install_id": install_id,
        "layout": link.layout,
        "sha256": link.sha256,
        "method": link.method.value,
    }
    statement = upsert(t.links).values(path=str(link.path), **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=values))


def _forget(connection: Connection, install_id: int) -> None:
    for table in (t.placements, t.links):
        connection.execute(delete(table).where(table.c.install_id == install_id))
    connection.execute(delete(t.installs).where(t.installs.c.id == install_id))


def abandon(database: Database, intent_id: int) -> None:
    """Forget an intent."""
    with database.transaction() as connection:
        state = connection.execute(
            select(t.installs.c.state).where(t.installs.c.id == intent_id)
        ).scalar()
        if state == "intended":
            _forget(connection, intent_id)


def remove(database: Database, install_id: int) -> None:
    """Forget an install."""
    with database.transaction() as connection:
        _forget(connection, install_id)


def add_links(database: Database, install_id: int, links: Iterable[Link]) -> None:
    """Note links."""
    with database.transaction() as connection:
        for link in links:
            _record_link(connection, install_id, link)


def remove_link(database: Database, path: Path) -> None:
    """Forget a link."""
    with database.transaction() as connection:
        connection.execute(delete(t.links).where(t.links.c.path == str(path)))


def verified(database: Database, sha256: str, at: datetime) -> None:
    """Note a check that went well."""
    with database.transaction() as connection:
        connection.execute(
            update(t.blobs).where(t.blobs.c.sha256 == sha256).values(verified_at=to_text(at))
        )


def forget_blob(database: Database, sha256: str) -> bool:
    """Forget a blob unless an install refers to it."""
    with database.transaction() as connection:
        used = connection.execute(
            select(t.installs.c.id)
            .join(t.blobs, t.blobs.c.id == t.installs.c.blob_id)
            .where(t.blobs.c.sha256 == sha256)
        ).first()
        if used is None:
            connection.execute(delete(t.blobs).where(t.blobs.c.sha256 == sha256))
    return used is None
