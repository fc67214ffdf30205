"""Which models does somebody mean? Queries that give ids; `mapping` turns those into models."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.catalog.naming import name_key
from registry.catalog.reading import Reading
from registry.domain.hashes import Hash, HashKind


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None does not narrow.

    Attributes:
        type: Slug of the model type.
        base: Architecture or family: ``sdxl`` finds ``sdxl-pony`` too.
        installed: Whether it is on this disk.
    """

    type: str | None = None
    base: str | None = None
    installed: bool | None = None


def by_name(reading: Reading, name: str) -> int | None:
    """The model with this slug; else this name, spelled loosely; else a file of this name."""
    key = name_key(name)
    for sql, parameters in (
        ("SELECT id FROM models WHERE slug = ?", (name.strip(),)),
        ("SELECT id FROM models WHERE slug = ?", (name.strip().casefold(),)),
        ("SELECT id FROM models WHERE slug = ?", (key,)),
        ("SELECT id FROM models WHERE name_key = ? ORDER BY id LIMIT 1", (key,)),
        (_BY_FILE_NAME, (key, key)),
    ):
        found = reading.rows(sql, parameters)
        if found and found[0][0] is not None:
            return int(found[0][0])
    return None


_BY_FILE_NAME = """
    SELECT min(model_id) FROM versions JOIN files ON version_id = versions.id
    WHERE files.id IN (
        SELECT id FROM files WHERE name_key = ?
        UNION SELECT file_id FROM file_aliases WHERE name_key = ?)"""


def listed(reading: Reading, wanted: Wanted, *, limit: int | None, offset: int) -> list[int]:
    """Ids in order of the slugs."""
    where, parameters = _where(wanted)
    sql = f"SELECT id FROM models{where} ORDER BY slug LIMIT ? OFFSET ?"  # noqa: S608 - our own conditions
    rows = reading.rows(sql, (*parameters, -1 if limit is None else limit, offset))
    return [row[0] for row in rows]


def count(reading: Reading, wanted: Wanted) -> int:
    """How many `listed` would give without a limit."""
    where, parameters = _where(wanted)
    return int(reading.rows(f"SELECT count(*) FROM models{where}", parameters)[0][0])  # noqa: S608 - as above


def _where(wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    conditions: list[str] = []
    parameters: list[str] = []
    if wanted.type is not None:
        conditions.append("type = ?")
        parameters.append(wanted.type)
    if wanted.base is not None:
        # Probing while walking the slugs in order ends early under a LIMIT; a join would sort.
        conditions.append(
            "EXISTS (SELECT 1 FROM model_bases WHERE architecture = ? AND model_id = models.id)"
        )
        parameters.append(wanted.base)
    if wanted.installed is not None:
        conditions.append(_INSTALLED if wanted.installed else f"NOT {_INSTALLED}")
    return (" WHERE " + " AND ".join(conditions) if conditions else ""), tuple(parameters)


_INSTALLED = """
    slug IN (SELECT slug FROM installs WHERE state = 'complete' AND slug IS NOT NULL)"""


def by_hash(reading: Reading, wanted: Hash) -> Sequence[tuple[int, int]]:
    """(model, file) of everything that may have this hash, in order of their ids."""
    kinds = {wanted.kind}
    if wanted.kind is HashKind.AUTOV2:
        kinds.add(HashKind.SHA256)
    found: set[tuple[int, int]] = set()
    for kind in kinds:
        # A range, not LIKE: it uses the index whatever the collation is.
        rows = reading.rows(_BY_DIGITS, (kind, wanted.digits, wanted.digits + "g"))
        found.update((model_id, file_id) for model_id, file_id in rows)
    return sorted(found)


_BY_DIGITS = """
    SELECT model_id, files.id FROM hashes
    JOIN file_hashes ON hash_id = hashes.id
    JOIN files ON files.id = file_id
    JOIN versions ON versions.id = version_id
    WHERE kind = ? AND digits >= ? AND digits < ?"""


def by_hub_ids(
    reading: Reading, hub: str, *, model: str | None, version: str | None, file: str | None
) -> list[int]:
    """Every model that may be meant by these ids of a hub; the caller looks closer."""
    found: dict[int, None] = {}
    for sql, value in (
        ("SELECT model_id FROM hub_models WHERE hub = ? AND hub_model_id = ?", model),
        (_BY_SOURCE.format(column="model"), model),
        (_BY_SOURCE.format(column="version"), version),
        (_BY_SOURCE.format(column="file"), file),
    ):
        if value is not None:
            found.update((row[0], None) for row in reading.rows(sql, (hub, value)))
    for sql, value in ((_BY_VERSION_ID, version), (_BY_FILE_ID, file)):
        if value is not None and hub == "civitai":
            found.update((row[0], None) for row in reading.rows(sql, (value,)))
    return sorted(found)


_BY_SOURCE = """
    SELECT DISTINCT model_id FROM sources
    JOIN files ON files.id = file_id JOIN versions ON versions.id = version_id
    WHERE sources.hub = ? AND sources.{column} = ?"""
_BY_VERSION_ID = "SELECT model_id FROM versions WHERE hub_version_id = ?"
_BY_FILE_ID = """
    SELECT model_id FROM files JOIN versions ON versions.id = version_id WHERE hub_file_id = ?"""
