"""Everything the catalog holds about some models, as facts beside the numbers of their rows.

For export and for merging. Showing and listing need less, and take it from `mapping`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.catalog.reading import Reading, Row
from registry.catalog.seed_schema import (
    ClipSkipEvidence,
    SeedFile,
    SeedHashes,
    SeedModel,
    SeedSource,
    SeedVersion,
)
from registry.domain.model import FileRole
from registry.domain.variant import FileFormat, Precision, Pruning


@dataclass(slots=True)
class KnownFile:
    """A file's facts, its row, and the rows of its sources in the same order."""

    id: int
    facts: SeedFile
    source_ids: list[int]


@dataclass(slots=True)
class KnownVersion:
    """A version's facts and its row; its files also in `facts.files`."""

    id: int
    facts: SeedVersion
    files: list[KnownFile]


@dataclass(slots=True)
class KnownModel:
    """A model's facts and its row; its versions also in `facts.versions`."""

    id: int
    origin: str
    facts: SeedModel
    versions: list[KnownVersion]


def load(reading: Reading, model_ids: Sequence[int]) -> list[KnownModel]:
    """Read all facts about these models in a constant number of queries, in order of their ids."""
    if not model_ids:
        return []
    models = reading.rows(_MODELS, (json.dumps(list(model_ids)),))
    by_model = _Parts(reading, [row[0] for row in models])
    versions = _versions(reading, by_model)
    return [
        KnownModel(row[0], row[1], _model(row, by_model, versions[row[0]]), versions[row[0]])
        for row in models
    ]


class _Parts:
    """Rows of the small tables, grouped by the first column."""

    def __init__(self, reading: Reading, ids: Iterable[int]) -> None:
        self._reading = reading
        self.ids = json.dumps(list(ids))
        self._groups: dict[str, dict[int, list[Row]]] = {}

    def of(self, sql: str, owner: int) -> list[Row]:
        """Rows that `sql` gives for this owner."""
        if sql not in self._groups:
            groups: dict[int, list[Row]] = defaultdict(list)
            for row in self._reading.rows(sql, (self.ids,)):
                groups[row[0]].append(row)
            self._groups[sql] = groups
        return self._groups[sql].get(owner, [])

    def column(self, sql: str, owner: int) -> list[Any]:
        """The second column of the same."""
        return [row[1] for row in self.of(sql, owner)]

    def first(self, sql: str, owner: int, width: int) -> Row:
        """The first of them, or `width` times None."""
        return next(iter(self.of(sql, owner)), (None,) * width)


MODEL_COLUMNS = (
    "slug",
    "name",
    "type",
    "base",
    "author",
    "author_source",
    "homepage",
    "native_resolution",
    "native_resolution_source",
    "prediction_type",
    "prediction_type_source",
    "recommended_vae",
    "recommended_vae_source",
    "trigger_words_source",
    "nsfw",
    "status",
    "in_article",
    "confidence",
    "gone_since",
)
"""Facts of a model that its own row holds under the same name."""
_MODELS = f"""
    SELECT id, origin, {", ".join(MODEL_COLUMNS)}
    FROM models WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"""  # noqa: S608 - constants of this module
_PAGES = """
    SELECT model_id, url FROM model_pages
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_HUB_MODELS = """
    SELECT model_id, hub || ':' || hub_model_id FROM hub_models
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_PERMISSIONS = """
    SELECT model_id, name, value FROM permissions
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY rowid"""
_LICENCES = """
    SELECT model_id, name, source FROM licences
    WHERE model_id IN (SELECT value FROM json_each(?))"""
_CLIP_SKIPS = """
    SELECT model_id, value, learned_from, note, author_text, evidence_source FROM clip_skips
    WHERE model_id IN (SELECT value FROM json_each(?))"""
_COUNTS = """
    SELECT model_id, setting, images FROM clip_skip_counts
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY rowid"""
_MODEL_WORDS = """
    SELECT model_id, word FROM trigger_words
    WHERE model_id IN (SELECT value FROM json_each(?))
    AND +version_id IS NULL ORDER BY 1, position"""
_MODEL_NOTES = """
    SELECT model_id, kind, text FROM notes
    WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY id"""
_VERSIONS = """
    SELECT model_id, id, name, hub_version_id, base_model, source, confidence, gone_since
    FROM versions WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_VERSION_WORDS = """
    SELECT version_id, word FROM trigger_words
    WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_VERSION_NOTES = """
    SELECT version_id, text FROM notes
    WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY id"""
_FILES = """
    SELECT version_id, id, name, role, format, precision, precision_basis, pruning, detail,
        inpainting, size_bytes, size_confidence, size_unverified_bytes, is_primary, hub_file_id,
        gated, gated_reason, needs_token, needs_token_reason, confidence, gone_since
    FROM files WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_ALIASES = """
    SELECT file_id, name FROM file_aliases
    WHERE file_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_HASHES = """
    SELECT file_id, kind, digits, confidence FROM file_hashes JOIN hashes ON hashes.id = hash_id
    WHERE file_id IN (SELECT value FROM json_each(?))"""
_FILE_NOTES = """
    SELECT file_id, text FROM notes
    WHERE file_id IN (SELECT value FROM json_each(?)) AND kind = 'note' ORDER BY id"""
_SOURCES = """
    SELECT file_id, id, hub, model, version, file, url, confidence, gone_since FROM sources
    WHERE file_id IN (SELECT value FROM json_each(?)) ORDER BY 1, position"""
_SIGHTINGS = """
    SELECT file_id, fact, value, source_id, key FROM sightings
    JOIN evidence ON evidence.id = evidence_id
    WHERE file_id IN (SELECT value FROM json_each(?)) ORDER BY sightings.id"""


def _model(row: Row, parts: _Parts, versions: list[KnownVersion]) -> SeedModel:
    owner = row[0]
    licence = parts.first(_LICENCES, owner, 3)
    clip_skip = parts.first(_CLIP_SKIPS, owner, 6)
    images = {setting: count for _, setting, count in parts.of(_COUNTS, owner)}
    notes = {kind: text for _, kind, text in parts.of(_MODEL_NOTES, owner)}
    evidence = None
    if images or clip_skip[4] or clip_skip[5]:
        evidence = ClipSkipEvidence(images=images, author_text=clip_skip[4], source=clip_skip[5])
    fields = dict(zip(MODEL_COLUMNS, row[2:], strict=True))
    fields["nsfw"] = _yes_or_no(fields["nsfw"])
    fields["in_article"] = bool(fields["in_article"])
    return SeedModel(
        **fields,
        licence=licence[1],
        licence_source=licence[2],
        permissions={name: value for _, name, value in parts.of(_PERMISSIONS, owner)},
        pages=parts.column(_PAGES, owner),
        hub_models=parts.column(_HUB_MODELS, owner),
        clip_skip=clip_skip[1],
        clip_skip_source=clip_skip[2],
        clip_skip_note=clip_skip[3],
        clip_skip_evidence=evidence,
        trigger_words=parts.column(_MODEL_WORDS, owner),
        prompt_notes=notes.get("prompt"),
        note=notes.get("note"),
        versions=[version.facts for version in versions],
    )


def _versions(reading: Reading, models: _Parts) -> dict[int, list[KnownVersion]]:
    rows = reading.rows(_VERSIONS, (models.ids,))
    parts = _Parts(reading, [row[1] for row in rows])
    files = _files(reading, parts)
    grouped: dict[int, list[KnownVersion]] = defaultdict(list)
    for model_id, owner, name, hub_version_id, base_model, source, confidence, gone in rows:
        facts = SeedVersion(
            name=name,
            hub_version_id=hub_version_id,
            base_model=base_model,
            trigger_words=parts.column(_VERSION_WORDS, owner),
            source=source,
            note=parts.first(_VERSION_NOTES, owner, 2)[1],
            confidence=confidence,
            gone_since=gone,
            files=[file.facts for file in files[owner]],
        )
        grouped[model_id].append(KnownVersion(owner, facts, files[owner]))
    return grouped


def _files(reading: Reading, versions: _Parts) -> dict[int, list[KnownFile]]:
    rows = reading.rows(_FILES, (versions.ids,))
    parts = _Parts(reading, [row[1] for row in rows])
    grouped: dict[int, list[KnownFile]] = defaultdict(list)
    for row in rows:
        source_ids = [source[1] for source in parts.of(_SOURCES, row[1])]
        grouped[row[0]].append(KnownFile(row[1], _file(row, parts), source_ids))
    return grouped


def _file(row: Row, parts: _Parts) -> SeedFile:
    owner = row[1]
    digits = {kind: digits for _, kind, digits, _ in parts.of(_HASHES, owner)}
    sure = {kind: confidence for _, kind, _, confidence in parts.of(_HASHES, owner)}
    seen: dict[tuple[str, str | None, int | None], list[str]] = defaultdict(list)
    for _, fact, value, source_id, key in parts.of(_SIGHTINGS, owner):
        seen[fact, value, source_id].append(key)
    return SeedFile(
        name=row[2],
        aliases=parts.column(_ALIASES, owner),
        role=FileRole(row[3]),
        format=FileFormat(row[4]),
        precision=Precision(row[5]) if row[5] else None,
        precision_basis=row[6],
        pruning=Pruning(row[7]) if row[7] else None,
        detail=row[8],
        inpainting=bool(row[9]),
        size_bytes=row[10],
        size_confidence=row[11],
        size_seen_in=seen["size", None, None],
        size_unverified_bytes=row[12],
        other_sizes_seen={
            str(value): keys for (fact, value, _), keys in seen.items() if fact == "another-size"
        },
        hashes=SeedHashes(**digits),
        sha256_confidence=sure.get("sha256"),
        sha256_seen_in=seen["sha256", None, None],
        autov2_seen_in=seen["autov2", None, None],
        sources=[_source(source, seen) for source in parts.of(_SOURCES, owner)],
        is_primary=bool(row[13]),
        hub_file_id=row[14],
        gated=row[16] or _yes_or_no(row[15]),
        needs_token=row[18] or _yes_or_no(row[17]),
        note=parts.first(_FILE_NOTES, owner, 2)[1],
        confidence=row[19],
        gone_since=row[20],
    )


def _source(row: Row, seen: dict[tuple[str, str | None, int | None], list[str]]) -> SeedSource:
    return SeedSource(
        hub=row[2],
        model=row[3],
        version=row[4],
        file=row[5],
        url=row[6],
        confidence=row[7],
        gone_since=row[8],
        seen_in=seen["source", None, row[1]],
    )


def _yes_or_no(value: object) -> bool | None:
    return None if value is None else bool(value)
