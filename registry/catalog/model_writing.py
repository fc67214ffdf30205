"""Writing about models: what a hub says, and what is gone."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from registry.catalog import known, merge
from registry.catalog.database import Database
from registry.catalog.facts import facts_of, source_facts
from registry.catalog.instants import to_text
from registry.catalog.matching import contradict, match_version
from registry.catalog.naming import slug_of
from registry.catalog.reading import Reading
from registry.catalog.rows import SOURCE_COLUMNS, Writer, add_model
from registry.catalog.seed_schema import SeedFile, SeedModel, SeedSource, SeedVersion
from registry.catalog.snapshot import Snapshot
from registry.catalog.writing import Transaction
from registry.domain.model import Model
from registry.domain.source import Source

# ── what a hub says ───────────────────────────────────────────────────────────────────────────────


def save_all(
    database: Database,
    models: Iterable[Model],
    *,
    at: datetime,
    into: str | None = None,
    snapshot: Snapshot | None = None,
) -> list[int]:
    """Merge what a hub says into the catalog and keep the hub's own words; the models' ids."""
    with database.transaction() as transaction:
        if snapshot is not None:
            _append(transaction, snapshot)
        writer = Writer(transaction, at=at)
        numbers = [_save(writer, model, into) for model in models]
        writer.finish()
    return numbers


def _save(writer: Writer, model: Model, into: str | None) -> int:
    """Versions that the catalog holds under another of its models are merged there.

    One model of a hub may be several of ours.
    """
    facts = facts_of(model)
    target = _target(writer.transaction, model, into)
    elsewhere = _merge_elsewhere(writer, facts, model.origin, target)
    if target is not None:
        mine = known.load(writer.transaction, [target])[0]
        _merge_known_files(writer, mine, facts)
        wins = mine.origin == model.origin
        merge.merge_model(writer, mine, facts, origin=model.origin, wins=wins)
    elif elsewhere and not facts.versions:
        target = elsewhere[0]
    else:
        facts.slug = _free_slug(writer.transaction, facts.slug)
        target = add_model(writer, facts, origin=model.origin)
    writer.flush()
    for _, file in model.files:
        for source in file.sources:
            _mark(writer.transaction, source, None)
    return target


def _target(reading: Reading, model: Model, into: str | None) -> int | None:
    """The model of ours that the hub describes, if it is one."""
    if model.id is not None:
        return model.id
    named = reading.rows("SELECT id FROM models WHERE slug = ?", (into,)) if into else ()
    if named:
        return int(named[0][0])
    for text in model.hub_model_ids:
        hub, _, number = text.partition(":")
        owners = reading.rows(_OWNERS, (hub, number))
        closest = [row[0] for row in owners if row[1] == owners[0][1]]
        if len(closest) == 1:
            return int(closest[0])
    if model.hub_model_ids:
        return None
    same = reading.rows(
        "SELECT id FROM models WHERE slug = ? AND origin = ?", (slug_of(model.slug), model.origin)
    )
    return int(same[0][0]) if same else None


_OWNERS = """
    SELECT model_id, position FROM hub_models
    WHERE hub = ? AND hub_model_id = ? ORDER BY position"""


def _merge_elsewhere(
    writer: Writer, facts: SeedModel, origin: str, target: int | None
) -> list[int]:
    """Merge the versions that other models of ours hold, and take them out of `facts`."""
    ids = [version.hub_version_id for version in facts.versions if version.hub_version_id]
    if not ids:
        return []
    rows = writer.transaction.rows(_VERSION_OWNERS, (json.dumps(ids), target or 0))
    owner_of = {hub_version_id: model_id for model_id, hub_version_id in rows}
    owners = {m.id: m for m in known.load(writer.transaction, sorted(set(owner_of.values())))}
    for version in facts.versions:
        if version.hub_version_id in owner_of:
            owner = owners[owner_of[version.hub_version_id]]
            if merge.merge_versions(writer, owner, [version], wins=owner.origin == origin):
                writer.touch(owner.id)
    facts.versions = [v for v in facts.versions if v.hub_version_id not in owner_of]
    return list(owners)


_VERSION_OWNERS = """
    SELECT model_id, hub_version_id FROM versions
    WHERE hub_version_id IN (SELECT value FROM json_each(?)) AND model_id <> ?"""


def _merge_known_files(writer: Writer, mine: known.KnownModel, facts: SeedModel) -> None:
    """Merge files that we hold under a version of another name, and take them out of `facts`."""
    by_place = {
        _place(source): file
        for version in mine.versions
        for file in version.files
        for source in file.facts.sources
    }
    left: list[SeedVersion] = []
    for version in facts.versions:
        if match_version(mine.versions, version):
            left.append(version)
            continue
        others: list[SeedFile] = []
        for file in version.files:
            places = (_place(source) for source in file.sources)
            same = next((by_place[place] for place in places if place in by_place), None)
            if same is None or contradict(same.facts.hashes, file.hashes):
                others.append(file)
            elif merge.merge_file(writer, same, file, wins=False):
                writer.touch(mine.id)
        if others or not version.files:
            version.files = others
            left.append(version)
    facts.versions = left


def _place(source: SeedSource) -> tuple[str | None, ...]:
    """Where a source leads, whatever the revision: the hash says whether it is the same file."""
    if source.hub == "huggingface":
        return source.hub, source.model, source.file
    return source.hub, source.model, source.version, source.file, source.url


def _free_slug(reading: Reading, slug: str) -> str:
    namesakes = reading.rows(
        "SELECT slug FROM models WHERE slug = ? OR (slug >= ? AND slug < ?)",
        (slug, f"{slug}-", f"{slug}."),  # in ASCII the full stop follows the hyphen
    )
    taken = {row[0] for row in namesakes}
    number, free = 2, slug
    while free in taken:
        free, number = f"{slug}-{number}", number + 1
    return free


def keep_snapshot(database: Database, snapshot: Snapshot) -> None:
    """Append what a hub said."""
    with database.transaction() as transaction:
        _append(transaction, snapshot)


def _append(transaction: Transaction, snapshot: Snapshot) -> None:
    body = snapshot.body.encode("utf-8", "replace").decode("utf-8")
    digest = sha256(body.encode()).hexdigest()
    kept = transaction.rows(
        "SELECT 1 FROM hub_snapshots WHERE digest = ? AND body IS NOT NULL LIMIT 1", (digest,)
    )
    transaction.insert(
        "hub_snapshots",
        hub=snapshot.hub,
        reference=snapshot.reference,
        fetched_at=to_text(snapshot.fetched_at),
        status=snapshot.status,
        digest=digest,
        body=None if kept else body,
    )


# ── what is gone ──────────────────────────────────────────────────────────────────────────────────


def mark_gone(database: Database, source: Source, at: datetime) -> int:
    """Mark every source that `source` names; how many were not marked before."""
    with database.transaction() as transaction:
        return _mark(transaction, source, to_text(at))


def mark_present(database: Database, source: Source) -> int:
    """Take the marks away again; how many there were."""
    with database.transaction() as transaction:
        return _mark(transaction, source, None)


def _mark(transaction: Transaction, source: Source, at: str | None) -> int:
    """A file is gone when all its sources are, a version when all its files are, and so on."""
    facts = source_facts(source)
    told = {name: getattr(facts, name) for name in SOURCE_COLUMNS}
    given = {name: value for name, value in told.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in given)
    state = "IS NULL" if at else "IS NOT NULL"
    rows = transaction.rows(
        f"SELECT id, file_id FROM sources WHERE {where} AND gone_since {state}",  # noqa: S608 - names of our own columns
        tuple(given.values()),
    )
    if rows:
        _set_gone(transaction, "sources", [row[0] for row in rows], at)
        _cascade(transaction, sorted({row[1] for row in rows}), at)
    return len(rows)


def _set_gone(transaction: Transaction, table: str, ids: Sequence[int], at: str | None) -> None:
    transaction.run(
        f"UPDATE {table} SET gone_since = ? WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - as above
        (at, json.dumps(list(ids))),
    )


def _cascade(transaction: Transaction, file_ids: Sequence[int], at: str | None) -> None:
    ids = file_ids
    for parts, owner, table in (
        ("sources", "file_id", "files"),
        ("files", "version_id", "versions"),
        ("versions", "model_id", "models"),
    ):
        transaction.run(
            f"""UPDATE {table} SET gone_since =
                CASE WHEN EXISTS (SELECT 1 FROM {parts}
                    WHERE {owner} = {table}.id AND {parts}.gone_since IS NULL)
                THEN NULL ELSE coalesce(gone_since, ?) END
            WHERE id IN (SELECT value FROM json_each(?))""",  # noqa: S608 - as above
            (at, json.dumps(list(ids))),
        )
        if table != "models":
            above = {"files": "version_id", "versions": "model_id"}[table]
            ids = _owners(transaction, table, above, ids)


def _owners(reading: Reading, table: str, column: str, ids: Iterable[int]) -> list[int]:
    rows = reading.rows(
        f"SELECT DISTINCT {column} FROM {table} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - as above
        (json.dumps(list(ids)),),
    )
    return [row[0] for row in rows]
