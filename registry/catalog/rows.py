"""Facts -> new rows, written in bulk.

A `Writer` lives as long as one transaction. It numbers the rows itself (nobody else writes), so
that a thousand models with all that belongs to them become one statement a table.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from registry.catalog.hash_writing import add_hashes
from registry.catalog.instants import to_text
from registry.catalog.known import MODEL_COLUMNS
from registry.catalog.naming import architectures, name_key
from registry.catalog.search import index_models
from registry.catalog.seed_schema import SeedFile, SeedModel, SeedSource, SeedVersion
from registry.catalog.writing import Transaction

FLUSH_ROWS = 50_000
ORDER = (
    "evidence",
    "models",
    "clip_skips",
    "clip_skip_counts",
    "hub_models",
    "licences",
    "model_bases",
    "model_pages",
    "permissions",
    "versions",
    "files",
    "trigger_words",
    "file_aliases",
    "notes",
    "sources",
    "sightings",
)
"""The tables that are filled here, each behind those that it refers to."""


class Writer:
    """Collects rows and writes them in an order that foreign keys allow.

    Attributes:
        transaction: Where to; its questions do not see the rows that wait here.
        at: When this is written.
    """

    def __init__(self, transaction: Transaction, *, at: datetime) -> None:
        self.transaction = transaction
        self.at = to_text(at)
        self._next: dict[str, int] = {}
        # table -> columns -> rows: what has the same columns is one statement.
        self._waiting: dict[str, dict[tuple[str, ...], list[tuple[object, ...]]]] = {
            table: defaultdict(list) for table in ORDER
        }
        self._hashes: list[tuple[int, str, str, str | None]] = []
        self._evidence: dict[str, int] = {}
        self._touched: set[int] = set()
        self._count = 0

    def number(self, table: str) -> int:
        """The next free id of a table."""
        if table not in self._next:
            highest = self.transaction.rows(f"SELECT max(id) FROM {table}")[0][0]  # noqa: S608 - our own name
            self._next[table] = int(highest or 0)
        self._next[table] += 1
        return self._next[table]

    def add(self, table: str, **row: object) -> None:
        """Let a row wait."""
        self._waiting[table][tuple(row)].append(tuple(row.values()))
        self._count += 1

    def touch(self, model_id: int) -> None:
        """Have this model's words indexed when everything is written."""
        self._touched.add(model_id)

    def flush(self) -> None:
        """Write the rows that wait."""
        for table, groups in self._waiting.items():
            for columns, rows in groups.items():
                self.transaction.insert_many(table, columns, rows)
            groups.clear()
        add_hashes(self.transaction, self._hashes)
        self._hashes.clear()
        self._count = 0

    def finish(self) -> None:
        """Write the rows that wait, and the words of all models that were touched."""
        self.flush()
        index_models(self.transaction, self._touched)
        self._touched.clear()

    def finish_when_full(self) -> None:
        """Keep memory bounded."""
        if self._count >= FLUSH_ROWS:
            self.finish()

    # ── hashes and evidence are shared between files ──────────────────────────────────────────────

    def add_hash(self, file_id: int, kind: str, digits: str, confidence: str | None) -> None:
        """Let a hash of a file wait."""
        self._hashes.append((file_id, kind, digits, confidence))

    def evidence_id(self, key: str) -> int:
        """The row of this key; made, knowing no more than the key, if there is none."""
        if not self._evidence:
            known = self.transaction.rows("SELECT key, id FROM evidence")
            self._evidence = {row[0]: row[1] for row in known}
        if key not in self._evidence:
            self._evidence[key] = self.number("evidence")
            self.add("evidence", id=self._evidence[key], key=key)
        return self._evidence[key]


# ── new things ────────────────────────────────────────────────────────────────────────────────────


def add_model(writer: Writer, facts: SeedModel, *, origin: str) -> int:
    """Let a new model wait, with all that belongs to it; its id."""
    model_id = writer.number("models")
    writer.touch(model_id)
    writer.add("models", id=model_id, origin=origin, first_seen=writer.at, **model_columns(facts))
    for architecture in architectures(facts.base):
        writer.add("model_bases", model_id=model_id, architecture=architecture)
    add_pages(writer, model_id, facts.pages)
    add_hub_models(writer, model_id, facts.hub_models)
    for name, value in facts.permissions.items():
        writer.add("permissions", model_id=model_id, name=name, value=value)
    if facts.licence is not None:
        writer.add("licences", model_id=model_id, name=facts.licence, source=facts.licence_source)
    add_clip_skip(writer, model_id, facts)
    add_words(writer, model_id, None, facts.trigger_words)
    add_note(writer, "prompt", facts.prompt_notes, model_id=model_id)
    add_note(writer, "note", facts.note, model_id=model_id)
    for position, version in enumerate(facts.versions):
        add_version(writer, model_id, version, position=position)
    return model_id


def model_columns(facts: SeedModel) -> dict[str, Any]:
    """The columns of the row in `models` that facts decide."""
    columns = {name: getattr(facts, name) for name in MODEL_COLUMNS}
    return {**columns, "name_key": name_key(facts.name)}


def add_pages(writer: Writer, model_id: int, pages: Iterable[str], *, start: int = 0) -> None:
    """Let pages wait."""
    for position, url in enumerate(dict.fromkeys(pages), start):
        writer.add("model_pages", model_id=model_id, position=position, url=url)


def add_hub_models(writer: Writer, model_id: int, ids: Iterable[str], *, start: int = 0) -> None:
    """Let the ids of its pages wait."""
    for position, text in enumerate(dict.fromkeys(ids), start):
        hub, _, hub_model_id = text.partition(":")
        writer.add(
            "hub_models", model_id=model_id, position=position, hub=hub, hub_model_id=hub_model_id
        )


def add_clip_skip(writer: Writer, model_id: int, facts: SeedModel) -> None:
    """Let the CLIP skip wait, if anything is known about it."""
    evidence = facts.clip_skip_evidence
    told = (facts.clip_skip, facts.clip_skip_source, facts.clip_skip_note, evidence)
    if all(fact is None for fact in told):
        return
    writer.add(
        "clip_skips",
        model_id=model_id,
        value=facts.clip_skip,
        learned_from=facts.clip_skip_source,
        note=facts.clip_skip_note,
        author_text=evidence.author_text if evidence else None,
        evidence_source=evidence.source if evidence else None,
    )
    for setting, images in (evidence.images if evidence else {}).items():
        writer.add("clip_skip_counts", model_id=model_id, setting=setting, images=images)


def add_words(
    writer: Writer,
    model_id: int,
    version_id: int | None,
    words: Iterable[str],
    *,
    start: int = 0,
) -> None:
    """Let trigger words wait."""
    for position, word in enumerate(words, start):
        writer.add(
            "trigger_words",
            id=writer.number("trigger_words"),
            model_id=model_id,
            version_id=version_id,
            position=position,
            word=word,
        )


def add_note(writer: Writer, kind: str, text: str | None, **owner: int) -> None:
    """Let a note wait, if there is one."""
    if text is not None:
        writer.add("notes", id=writer.number("notes"), kind=kind, text=text, **owner)


def add_version(writer: Writer, model_id: int, facts: SeedVersion, *, position: int) -> int:
    """Let a new version wait, with its files; its id."""
    version_id = writer.number("versions")
    writer.add(
        "versions",
        id=version_id,
        model_id=model_id,
        position=position,
        name=facts.name,
        hub_version_id=facts.hub_version_id,
        base_model=facts.base_model,
        confidence=facts.confidence,
        source=facts.source,
        gone_since=facts.gone_since,
    )
    add_words(writer, model_id, version_id, facts.trigger_words)
    add_note(writer, "note", facts.note, version_id=version_id)
    for place, file in enumerate(facts.files):
        add_file(writer, version_id, file, position=place)
    return version_id


def add_file(writer: Writer, version_id: int, facts: SeedFile, *, position: int) -> int:
    """Let a new file wait, with its hashes and sources; its id."""
    file_id = writer.number("files")
    writer.add("files", id=file_id, version_id=version_id, position=position, **file_columns(facts))
    add_aliases(writer, file_id, facts.aliases)
    for kind, digits in facts.hashes:
        if digits is not None:
            sure = facts.sha256_confidence if kind == "sha256" else None
            writer.add_hash(file_id, kind, digits, sure)
    add_note(writer, "note", facts.note, file_id=file_id)
    for fact, keys in file_sightings(facts).items():
        add_sightings(writer, file_id, fact, keys)
    for place, source in enumerate(facts.sources):
        add_source(writer, file_id, source, position=place)
    return file_id


def file_columns(facts: SeedFile) -> dict[str, Any]:
    """The columns of the row in `files` that facts decide."""
    columns = {name: getattr(facts, name) for name in FILE_COLUMNS}
    for name in ("gated", "needs_token"):
        told = getattr(facts, name)
        columns[name] = None if told is None else told is not False
        columns[f"{name}_reason"] = told if isinstance(told, str) else None
    return {**columns, "name_key": name_key(facts.name)}


FILE_COLUMNS = (
    "name",
    "role",
    "format",
    "precision",
    "precision_basis",
    "pruning",
    "detail",
    "inpainting",
    "size_bytes",
    "size_confidence",
    "size_unverified_bytes",
    "is_primary",
    "hub_file_id",
    "gated",
    "needs_token",
    "confidence",
    "gone_since",
)
"""Facts of a file that its own row holds under the same name."""


def add_aliases(writer: Writer, file_id: int, names: Iterable[str], *, start: int = 0) -> None:
    """Let other names of a file wait."""
    for position, name in enumerate(dict.fromkeys(names), start):
        writer.add(
            "file_aliases", file_id=file_id, position=position, name=name, name_key=name_key(name)
        )


Sighted = tuple[str, str | None]


def file_sightings(facts: SeedFile) -> dict[Sighted, list[str]]:
    """(fact, value) -> where it was seen. The value is None where the file's own row has it."""
    return {
        ("size", None): facts.size_seen_in,
        ("sha256", None): facts.sha256_seen_in,
        ("autov2", None): facts.autov2_seen_in,
        **{("another-size", size): keys for size, keys in facts.other_sizes_seen.items()},
    }


def add_sightings(
    writer: Writer, file_id: int, fact: Sighted, keys: Iterable[str], source_id: int | None = None
) -> None:
    """Let it wait where a fact was seen."""
    for key in dict.fromkeys(keys):
        writer.add(
            "sightings",
            id=writer.number("sightings"),
            file_id=file_id,
            source_id=source_id,
            fact=fact[0],
            value=fact[1],
            evidence_id=writer.evidence_id(key),
        )


def add_source(writer: Writer, file_id: int, facts: SeedSource, *, position: int) -> int:
    """Let a new source wait; its id."""
    source_id = writer.number("sources")
    writer.add(
        "sources",
        id=source_id,
        file_id=file_id,
        position=position,
        **{name: getattr(facts, name) for name in SOURCE_COLUMNS},
    )
    add_sightings(writer, file_id, ("source", None), facts.seen_in, source_id)
    return source_id


SOURCE_COLUMNS = ("hub", "model", "version", "file", "url", "confidence", "gone_since")
"""Facts of a source that its own row holds under the same name."""
