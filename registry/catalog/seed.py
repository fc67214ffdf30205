"""Catalog files: read one strictly, take it in, write one.

A file comes from anywhere, so nothing in it is trusted: its length is capped before it is parsed,
and everything is checked before the first row is written. One wrong field refuses the whole file.
"""

import contextlib
import dataclasses
import gc
import itertools
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from registry.catalog import known, merge, meta
from registry.catalog.database import Database
from registry.catalog.reading import Reading
from registry.catalog.rows import Writer, add_model
from registry.catalog.seed_errors import invalid, row, shown
from registry.catalog.seed_schema import (
    MAX_FILE_BYTES,
    SCHEMA,
    SeedCatalog,
    SeedEvidence,
    SeedModel,
    adapter,
    read,
)
from registry.catalog.strict_json import InvalidJson, parse
from registry.errors import CatalogInvalid

logger = logging.getLogger(__name__)

CHUNK_MODELS = 500


class Models:
    """The models of a document; each is made when it is asked for, so that memory stays bounded."""

    def __init__(self, raw: list[dict[str, Any]]) -> None:
        self.raw = raw

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[SeedModel]:
        return (read(SeedModel, model) for model in self.raw)


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """A catalog file that was read and found right.

    Attributes:
        file: Where it came from.
        revision: Its number; the shipped seed's rises with every change.
        digest: SHA-256 of its bytes.
        evidence: What the keys in `seen_in` stand for.
        models: Its models.
    """

    file: str
    revision: int
    digest: str
    evidence: dict[str, SeedEvidence]
    models: Models


# ── reading ───────────────────────────────────────────────────────────────────────────────────────


def load_seed(path: Path) -> Document:
    """Read a catalog file and check all of it.

    Raises:
        CatalogInvalid: It cannot be read, or it breaks the schema; the first broken rule is named
            by row and field.
    """
    if path.exists() and not path.is_file():
        raise CatalogInvalid(str(path), "", "it is not a file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        because = f"it cannot be read: {error.strerror or error}"
        raise CatalogInvalid(str(path), "", because) from error
    return check(content, file=str(path))


def check(content: bytes, *, file: str) -> Document:
    """The same for bytes that were read elsewhere."""
    if len(content) > MAX_FILE_BYTES:
        raise CatalogInvalid(file, "", f"it is larger than {MAX_FILE_BYTES // 2**20} MiB")
    try:
        raw = parse(content)
    except InvalidJson as error:
        raise CatalogInvalid(file, error.where, error.because) from error
    envelope = _envelope(raw, file)
    document = Document(
        file,
        envelope.revision,
        sha256(content).hexdigest(),
        envelope.evidence,
        Models(raw["models"]),
    )
    _check_models(document)
    return document


def _envelope(raw: object, file: str) -> SeedCatalog:
    if not isinstance(raw, dict):
        raise CatalogInvalid(file, "", "it is not an object with schema, revision and models")
    if "schema" in raw and raw["schema"] != SCHEMA:
        because = f"{shown(raw['schema'])} is not a schema that this sdreg reads; it reads {SCHEMA}"
        raise CatalogInvalid(file, "schema", because)
    models = raw.get("models")
    try:
        # The models are checked one by one, so that never all of them lie in memory twice.
        return read(SeedCatalog, {**raw, "models": []} if isinstance(models, list) else raw)
    except ValidationError as error:
        raise invalid(error, file, raw) from error


def _check_models(document: Document) -> None:
    slugs: dict[str, int] = {}
    numbers: dict[tuple[str, str], str] = {}
    for index, raw in enumerate(document.models.raw):
        try:
            model = read(SeedModel, raw)
        except ValidationError as error:
            raise invalid(error, document.file, raw, ("models", index)) from error
        first = slugs.setdefault(model.slug, index)
        if first != index:
            where = f"{row(index, raw)} → slug"
            raise CatalogInvalid(document.file, where, f"models[{first}] has the same slug")
        for kind, number, where in _hub_ids(model):
            here = f"{row(index, raw)} → {where}"
            other = numbers.setdefault((kind, number), here)
            if other != here:
                because = f"{number} is also the {kind} of {other.rpartition('.')[0]}"
                raise CatalogInvalid(document.file, here, because)


def _hub_ids(model: SeedModel) -> Iterator[tuple[str, str, str]]:
    """Ids that a hub gives only once, with the field they stand in."""
    for v, version in enumerate(model.versions):
        if version.hub_version_id is not None:
            yield "hub_version_id", version.hub_version_id, f"versions[{v}].hub_version_id"
        for f, file in enumerate(version.files):
            if file.hub_file_id is not None:
                yield "hub_file_id", file.hub_file_id, f"versions[{v}].files[{f}].hub_file_id"


# ── taking in ─────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What a catalog file brought.

    Attributes:
        added: Models that were not known before.
        updated: Models that were known and learned something.
        unchanged: Models about which the file said nothing new.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0


class Holder(Protocol):
    """The open catalog, as far as this module needs it."""

    database: Database
    clock: Callable[[], datetime]


def import_seed(catalog: Holder, document: Document, *, origin: str = "user") -> ImportOutcome:
    """Add a catalog file to the catalog: all of it or nothing, nothing erased.

    Args:
        catalog: The open catalog.
        document: What `load_seed` read.
        origin: Whose the models that are new here are.
    """
    return take_in(catalog.database, document, origin=origin, at=catalog.clock())


def take_in(
    database: Database, document: Document, *, origin: str, at: datetime, locked: bool = False
) -> ImportOutcome:
    """Import a document in one transaction: all of it or nothing.

    Args:
        database: Where to.
        document: What to take in.
        at: When models that are new here were first seen.
        origin: ``seed`` for the shipped one, which never overrules what a user added and leaves
            its revision behind; ``user`` for any other.
        locked: The caller is inside `database.exclusive()`.
    """
    added = updated = unchanged = 0
    with _frozen_heap(), database.transaction(locked=locked) as transaction:
        writer = Writer(transaction, at=at)
        _merge_evidence(writer, document.evidence)
        models = iter(document.models)
        while chunk := list(itertools.islice(models, CHUNK_MODELS)):
            here = _known_by_slug(transaction, [model.slug for model in chunk])
            for model in chunk:
                if model.slug not in here:
                    add_model(writer, model, origin=origin)
                    added += 1
                    continue
                mine = here[model.slug]
                wins = not (origin == "seed" and mine.origin == "user")
                if merge.merge_model(writer, mine, model, origin=origin, wins=wins):
                    updated += 1
                else:
                    unchanged += 1
            writer.finish_when_full()
        writer.finish()
        if origin == "seed":
            meta.keep(transaction, "seed_revision", str(document.revision))
            meta.keep(transaction, "seed_digest", document.digest)
    logger.info("took in %d new models, changed %d, from %s", added, updated, document.file)
    return ImportOutcome(added, updated, unchanged)


@contextlib.contextmanager
def _frozen_heap() -> Iterator[None]:
    """Spare the collector of cycles the whole document, which it would walk again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _known_by_slug(reading: Reading, slugs: list[str]) -> dict[str, known.KnownModel]:
    ids = reading.rows(
        "SELECT id FROM models WHERE slug IN (SELECT value FROM json_each(?))",
        (json.dumps(slugs),),
    )
    found = known.load(reading, [row[0] for row in ids]) if ids else []
    return {model.facts.slug: model for model in found}


def _merge_evidence(writer: Writer, evidence: dict[str, SeedEvidence]) -> None:
    for key, facts in evidence.items():
        row_id = writer.evidence_id(key)
        told = {
            name: value for name, value in dataclasses.asdict(facts).items() if value is not None
        }
        writer.flush()
        writer.transaction.update("evidence", told, id=row_id)


# ── writing ───────────────────────────────────────────────────────────────────────────────────────


def export(reading: Reading) -> dict[str, Any]:
    """The whole catalog in the form of a catalog file, models in order of their slugs."""
    ids = [row[0] for row in reading.rows("SELECT id FROM models ORDER BY slug")]
    models = []
    for start in range(0, len(ids), CHUNK_MODELS):
        chunk = known.load(reading, ids[start : start + CHUNK_MODELS])
        models += [
            adapter(SeedModel).dump_python(model.facts, mode="json", exclude_defaults=True)
            for model in sorted(chunk, key=lambda model: model.facts.slug)
        ]
    columns = ("what", "repo", "commit", "page", "as_of")
    rows = reading.rows(
        """SELECT key, what, repo, "commit", page, as_of FROM evidence
        WHERE what IS NOT NULL ORDER BY key"""
    )
    return {
        "schema": SCHEMA,
        "revision": 1,
        "evidence": {
            row[0]: {k: v for k, v in zip(columns, row[1:], strict=True) if v is not None}
            for row in rows
        },
        "models": models,
    }
