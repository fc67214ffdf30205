"""Writing about installs; `install_records` says what each step promises."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from registry.catalog.database import Database
from registry.catalog.hash_writing import learn_hashes
from registry.catalog.instants import to_text
from registry.catalog.writing import Transaction
from registry.domain.hashes import Hashes
from registry.domain.install import Blob, Install, Link, Placement


def intend(
    database: Database, install: Install, placements: Sequence[Placement], *, at: datetime
) -> int:
    """Note an intent; its id."""
    with database.transaction() as transaction:
        number = transaction.insert(
            "installs",
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
        for position, placement in enumerate(placements):
            transaction.insert(
                "placements",
                install_id=number,
                position=position,
                layout=placement.layout,
                path=str(placement.path),
            )
    return number


def complete(
    database: Database,
    intent_id: int,
    links: Iterable[Link],
    blob: Blob,
    *,
    at: datetime,
    learned: Hashes | None,
) -> int:
    """Record blob, install, links and hashes; the id of the install they belong to now."""
    with database.transaction() as transaction:
        intents = transaction.rows(_INTENT, (intent_id,))
        if not intents:
            raise LookupError(f"there is no intent {intent_id}")
        slug, file_name, reference, file_id, source, proven, derived_from = intents[0]
        blob_id = _record_blob(transaction, blob, source, at=at)
        twins = transaction.rows(_TWIN, (blob.sha256, intent_id, slug, file_name))
        number = intent_id
        if twins:
            number = int(twins[0][0])
            _forget(transaction, intent_id)
        complete = {
            "state": "complete",
            "reference": reference,
            "file_id": file_id,
            "sha256": blob.sha256,
            "blob_id": blob_id,
            "size_bytes": blob.size_bytes,
            "source": source,
            "proven": proven,
            "installed_at": to_text(at),
            "derived_from": derived_from,
        }
        transaction.update("installs", complete, id=number)
        transaction.delete("placements", install_id=number)
        for link in links:
            _record_link(transaction, number, link)
        if file_id is not None and learned is not None:
            learn_hashes(transaction, file_id, learned)
    return number


_INTENT = """
    SELECT slug, file_name, reference, file_id, source, proven, derived_from
    FROM installs WHERE id = ?"""
# The + keeps SQLite from looking at everything that is complete, or has no slug, first.
_TWIN = """
    SELECT id FROM installs
    WHERE +state = 'complete' AND sha256 = ? AND id <> ? AND +slug IS ? AND file_name = ?"""


def _record_blob(transaction: Transaction, blob: Blob, source: str, *, at: datetime) -> int:
    return transaction.upsert(
        "blobs",
        {"sha256": blob.sha256},
        {"path": str(blob.path), "size_bytes": blob.size_bytes},
        blake3=blob.blake3,
        source=source,
        adopted_at=to_text(at),
    )


def _record_link(transaction: Transaction, install_id: int, link: Link) -> None:
    fresh = {
        "install_id": install_id,
        "layout": link.layout,
        "sha256": link.sha256,
        "method": link.method.value,
    }
    transaction.upsert("links", {"path": str(link.path)}, fresh)


def _forget(transaction: Transaction, install_id: int) -> None:
    transaction.delete("placements", install_id=install_id)
    transaction.delete("links", install_id=install_id)
    transaction.delete("installs", id=install_id)


def abandon(database: Database, intent_id: int) -> None:
    """Forget an intent."""
    with database.transaction() as transaction:
        states = transaction.rows("SELECT state FROM installs WHERE id = ?", (intent_id,))
        if states and states[0][0] == "intended":
            _forget(transaction, intent_id)


def remove(database: Database, install_id: int) -> None:
    """Forget an install."""
    with database.transaction() as transaction:
        _forget(transaction, install_id)


def add_links(database: Database, install_id: int, links: Iterable[Link]) -> None:
    """Note links."""
    with database.transaction() as transaction:
        for link in links:
            _record_link(transaction, install_id, link)


def remove_link(database: Database, path: Path) -> None:
    """Forget a link."""
    with database.transaction() as transaction:
        transaction.delete("links", path=str(path))


def verified(database: Database, sha256: str, at: datetime) -> None:
    """Note a check that went well."""
    with database.transaction() as transaction:
        transaction.update("blobs", {"verified_at": to_text(at)}, sha256=sha256)


def forget_blob(database: Database, sha256: str) -> bool:
    """Forget a blob unless an install refers to it."""
    with database.transaction() as transaction:
        used = transaction.rows(_USED, (sha256,))
        if not used:
            transaction.delete("blobs", sha256=sha256)
    return not used


_USED = """
    SELECT 1 FROM installs JOIN blobs ON blobs.id = blob_id WHERE blobs.sha256 = ? LIMIT 1"""
