"""Rows -> domain values, for reading: any number of models in a constant number of queries."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from registry.catalog.instants import from_text
from registry.catalog.reading import Reading, Row
from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.model import ClipSkip, FileRole, Model, ModelFile, ModelVersion
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Precision, Pruning, Variant


def load_models(reading: Reading, ids: Sequence[int]) -> tuple[Model, ...]:
    """The models with these ids, in the order of the ids; unknown ids are left out."""
    if not ids:
        return ()
    listed = json.dumps(list(ids))
    rows = {row[0]: row for row in reading.rows(_MODELS, (listed,))}
    lists = {name: _texts(reading.rows(sql, (listed,))) for name, sql in _LISTS_OF_MODELS.items()}
    permissions: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for owner, name, value in reading.rows(_PERMISSIONS, (listed,)):
        permissions[owner].append((name, value))
    versions = _load_versions(reading, listed)
    return tuple(
        _model(rows[number], lists, permissions[number], versions[number])
        for number in ids
        if number in rows
    )


_MODELS = """
    SELECT models.id, slug, models.name, type, base, origin, author, homepage, native_resolution,
        prediction_type, recommended_vae, nsfw, status, confidence, gone_since,
        licences.name, licences.source, value, learned_from, clip_skips.note
    FROM models
    LEFT JOIN licences ON licences.model_id = models.id
    LEFT JOIN clip_skips ON clip_skips.model_id = models.id
    WHERE models.id IN (SELECT value FROM json_each(?))"""
# The + keeps SQLite from looking first for every word that has no version.
_LISTS_OF_MODELS = {
    "pages": """SELECT model_id, url FROM model_pages
        WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position""",
    "hub_model_ids": """SELECT model_id, hub || ':' || hub_model_id FROM hub_models
        WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position""",
    "trigger_words": """SELECT model_id, word FROM trigger_words
        WHERE model_id IN (SELECT value FROM json_each(?)) AND +version_id IS NULL
        ORDER BY 1, position""",
    "prompt_notes": """SELECT model_id, text FROM notes
        WHERE model_id IN (SELECT value FROM json_each(?)) AND kind = 'prompt' ORDER BY id""",
    "note": """SELECT model_id, text FROM notes
        WHERE model_id IN (SELECT value FROM json_each(?)) AND kind = 'note' ORDER BY id""",
}
_PERMISSIONS = """
    SELECT model_id, name, value FROM permissions
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY rowid"""

_Texts = Mapping[int, tuple[str, ...]]


def _model(
    row: Row,
    lists: Mapping[str, _Texts],
    permissions: Iterable[tuple[str, str]],
    versions: Iterable[ModelVersion],
) -> Model:
    owner = row[0]
    return Model(
        id=owner,
        slug=row[1],
        name=row[2],
        type=row[3],
        base=row[4],
        origin=row[5],
        author=row[6],
        homepage=row[7],
        native_resolution=row[8],
        prediction_type=row[9],
        recommended_vae=row[10],
        nsfw=None if row[11] is None else bool(row[11]),
        status=row[12],
        confidence=row[13],
        gone_since=from_text(row[14]),
        licence=row[15],
        licence_source=row[16],
        clip_skip=None if row[17] is None else ClipSkip(row[17], row[18], row[19]),
        pages=lists["pages"].get(owner, ()),
        hub_model_ids=lists["hub_model_ids"].get(owner, ()),
        trigger_words=lists["trigger_words"].get(owner, ()),
        prompt_notes=_first(lists["prompt_notes"], owner),
        note=_first(lists["note"], owner),
        permissions=tuple(permissions),
        versions=tuple(versions),
    )


# ── versions ──────────────────────────────────────────────────────────────────────────────────────


def _load_versions(reading: Reading, models: str) -> Mapping[int, list[ModelVersion]]:
    rows = reading.rows(_VERSIONS, (models,))
    listed = json.dumps([row[1] for row in rows])
    words = _texts(reading.rows(_VERSION_WORDS, (listed,)))
    notes = _texts(reading.rows(_VERSION_NOTES, (listed,)))
    files = _load_files(reading, listed)
    grouped: dict[int, list[ModelVersion]] = defaultdict(list)
    for model_id, owner, name, hub_version_id, base_model, confidence, gone in rows:
        version = ModelVersion(
            name=name,
            files=tuple(files[owner]),
            hub_version_id=hub_version_id,
            base_model=base_model,
            trigger_words=words.get(owner, ()),
            confidence=confidence,
            gone_since=from_text(gone),
            note=_first(notes, owner),
        )
        grouped[model_id].append(version)
    return grouped


_VERSIONS = """
    SELECT model_id, id, name, hub_version_id, base_model, confidence, gone_since FROM versions
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_VERSION_WORDS = """
    SELECT version_id, word FROM trigger_words
    WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_VERSION_NOTES = """
    SELECT version_id, text FROM notes
    WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY id"""


# ── files ─────────────────────────────────────────────────────────────────────────────────────────


def _load_files(reading: Reading, versions: str) -> Mapping[int, list[ModelFile]]:
    rows = reading.rows(_FILES, (versions,))
    listed = json.dumps([row[1] for row in rows])
    aliases = _texts(reading.rows(_ALIASES, (listed,)))
    notes = _texts(reading.rows(_FILE_NOTES, (listed,)))
    wrong = _texts(reading.rows(_CONTRADICTIONS, (listed,)))
    hashes: dict[int, list[Hash]] = defaultdict(list)
    for owner, kind, digits in reading.rows(_HASHES, (listed,)):
        hashes[owner].append(Hash(HashKind(kind), digits))
    sources: dict[int, list[Source]] = defaultdict(list)
    for owner, *place in reading.rows(_SOURCES, (listed,)):
        sources[owner].append(Source(*place))
    grouped: dict[int, list[ModelFile]] = defaultdict(list)
    for row in rows:
        owner = row[1]
        file = _file(
            row, hashes[owner], sources[owner], aliases.get(owner, ()), _first(notes, owner)
        )
        grouped[row[0]].append(replace(file, contradictions=wrong.get(owner, ())))
    return grouped


_FILES = """
    SELECT version_id, id, name, role, format, precision, pruning, detail, inpainting, size_bytes,
        is_primary, hub_file_id, gated, gated_reason, confidence, gone_since,
        needs_token, needs_token_reason
    FROM files WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_ALIASES = """
    SELECT file_id, name FROM file_aliases
    WHERE file_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_FILE_NOTES = """
    SELECT file_id, text FROM notes
    WHERE file_id IN (SELECT value FROM json_each(?)) AND kind = 'note' ORDER BY id"""
_CONTRADICTIONS = """
    SELECT file_id, text FROM notes
    WHERE file_id IN (SELECT value FROM json_each(?)) AND kind = 'contradiction' ORDER BY id"""
_HASHES = """
    SELECT file_id, kind, digits FROM file_hashes JOIN hashes ON hashes.id = hash_id
    WHERE file_id IN (SELECT value FROM json_each(?))"""
# A source that was seen gone may come back: it is asked last, not left out.
_SOURCES = """
    SELECT file_id, hub, model, version, file, url FROM sources
    WHERE file_id IN (SELECT value FROM json_each(?))
    ORDER BY 1, gone_since IS NOT NULL, position"""


def _file(
    row: Row,
    hashes: Iterable[Hash],
    sources: Iterable[Source],
    aliases: tuple[str, ...],
    note: str | None,
) -> ModelFile:
    variant = Variant(
        FileFormat(row[4]),
        Precision(row[5]) if row[5] else None,
        Pruning(row[6]) if row[6] else None,
    )
    return ModelFile(
        name=row[2],
        role=FileRole(row[3]),
        variant=variant,
        size_bytes=row[9],
        hashes=Hashes.collect(hashes),
        sources=tuple(sources),
        id=row[1],
        hub_file_id=row[11],
        is_primary=bool(row[10]),
        inpainting=bool(row[8]),
        aliases=aliases,
        detail=row[7],
        gated=row[13] or (_GATED if row[12] else None),
        needs_token=row[17] or (_WANTS_LOGIN if row[16] else None),
        confidence=row[14],
        gone_since=from_text(row[15]),
        note=note,
    )


_GATED = "its hub asks for more than a click"
_WANTS_LOGIN = "its hub asks for a login"


def _texts(rows: Iterable[Row]) -> _Texts:
    grouped: dict[int, list[str]] = defaultdict(list)
    for owner, text in rows:
        grouped[owner].append(text)
    return {owner: tuple(texts) for owner, texts in grouped.items()}


def _first(texts: _Texts, owner: int) -> str | None:
    return next(iter(texts.get(owner, ())), None)
