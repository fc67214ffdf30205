"""Facts about a model that the catalog holds already -> what must be written so that both stay.

Nothing is deleted. What is not known here is filled in; where both know something else, `wins` says
who is believed. A file whose SHA-256 contradicts ours becomes another file. Lists are united, ours
first. Saying the same thing again writes nothing.
"""

from typing import Any, TypeVar

from registry.catalog import rows
from registry.catalog.content_writing import FROM_HEADER
from registry.catalog.known import KnownFile, KnownModel, KnownVersion
from registry.catalog.matching import match_file, match_source, match_version
from registry.catalog.naming import architectures
from registry.catalog.rows import Writer
from registry.catalog.seed_schema import (
    ClipSkipEvidence,
    Facts,
    SeedFile,
    SeedModel,
    SeedSource,
    SeedVersion,
    names_of,
)

# A fact and the fields that speak about it travel together.
_GROUPS = (
    ("author", "author_source"),
    ("licence", "licence_source"),
    ("native_resolution", "native_resolution_source"),
    ("prediction_type", "prediction_type_source"),
    ("recommended_vae", "recommended_vae_source"),
    ("clip_skip", "clip_skip_source", "clip_skip_note"),
    ("precision", "precision_basis"),
    ("size_bytes", "size_confidence"),
)


def merge_model(
    writer: Writer, known: KnownModel, facts: SeedModel, *, origin: str, wins: bool
) -> bool:
    """Write what `facts` add to `known`; whether that was anything.

    Args:
        writer: Of the transaction that `known` was read in.
        known: What the catalog holds; it learns what is written.
        facts: What somebody says.
        origin: Who speaks: ``seed``, ``user`` or the name of a hub. A model that only a hub
            described so far becomes the seed's or the user's when they name it.
        wins: Whether `facts` are believed where both know something.
    """
    if known.facts == facts and known.origin in {"seed", "user", origin}:
        return False
    merged = _merged(known.facts, facts, wins=wins)
    before = rows.model_columns(known.facts)
    changes = _changes(before, rows.model_columns(merged))
    if known.origin not in {"seed", "user"} and origin in {"seed", "user"}:
        changes["origin"] = origin
    changed = _update(writer, "models", known.id, changes)
    if "base" in changes:
        _drop(writer, "model_bases", known.id)
        for architecture in architectures(merged.base):
            writer.add("model_bases", model_id=known.id, architecture=architecture)
    changed |= _merge_small_tables(writer, known, merged)
    for text in _new(known.facts.hub_models, facts.hub_models):
        start = len(known.facts.hub_models)
        rows.add_hub_models(writer, known.id, [text], start=start)
        known.facts.hub_models.append(text)
        changed = True
    changed |= merge_versions(writer, known, facts.versions, wins=wins)
    if changed:
        writer.touch(known.id)
    return changed


def _merge_small_tables(writer: Writer, known: KnownModel, merged: SeedModel) -> bool:
    ours, model_id, changed = known.facts, known.id, False
    pages = _new(ours.pages, merged.pages)
    rows.add_pages(writer, model_id, pages, start=len(ours.pages))
    words = _new(ours.trigger_words, merged.trigger_words)
    rows.add_words(writer, model_id, None, words, start=len(ours.trigger_words))
    if ours.permissions != merged.permissions:
        _drop(writer, "permissions", model_id)
        for name, value in merged.permissions.items():
            writer.add("permissions", model_id=model_id, name=name, value=value)
        changed = True
    if (ours.licence, ours.licence_source) != (merged.licence, merged.licence_source):
        _drop(writer, "licences", model_id)
        writer.add("licences", model_id=model_id, name=merged.licence, source=merged.licence_source)
        changed = True
    if _clip_skip(ours) != _clip_skip(merged):
        _drop(writer, "clip_skip_counts", model_id)
        _drop(writer, "clip_skips", model_id)
        rows.add_clip_skip(writer, model_id, merged)
        changed = True
    changed |= _merge_note(
        writer, "prompt", ours.prompt_notes, merged.prompt_notes, model_id=model_id
    )
    changed |= _merge_note(writer, "note", ours.note, merged.note, model_id=model_id)
    return bool(changed or pages or words)


def _clip_skip(facts: SeedModel) -> tuple[object, ...]:
    evidence = facts.clip_skip_evidence or ClipSkipEvidence()
    return (
        facts.clip_skip,
        facts.clip_skip_source,
        facts.clip_skip_note,
        evidence.images,
        evidence.author_text,
        evidence.source,
    )


# ── versions, files, sources ──────────────────────────────────────────────────────────────────────


def merge_versions(
    writer: Writer, known: KnownModel, incoming: list[SeedVersion], *, wins: bool
) -> bool:
    """Unite versions. Whoever wins also says their order; the others stand behind."""
    order: list[int] = []
    changed = False
    for facts in incoming:
        mine = match_version(known.versions, facts)
        if mine is None:
            position = len(known.versions)
            number = rows.add_version(writer, known.id, facts, position=position)
            mine = KnownVersion(number, facts, [])
            known.versions.append(mine)
            changed = True
        else:
            changed |= _merge_version(writer, known.id, mine, facts, wins=wins)
        order.append(mine.id)
    if wins:
        changed |= _reorder(writer, known, order)
    return changed


def _reorder(writer: Writer, known: KnownModel, order: list[int]) -> bool:
    now = [version.id for version in known.versions]
    wished = list(dict.fromkeys([*order, *now]))
    if wished == now:
        return False
    writer.flush()
    for position, version_id in enumerate(wished):
        _update(writer, "versions", version_id, {"position": position})
    return True


def _merge_version(
    writer: Writer, model_id: int, known: KnownVersion, facts: SeedVersion, *, wins: bool
) -> bool:
    ours = known.facts
    merged = _merged(ours, facts, wins=wins)
    columns = ("name", "hub_version_id", "base_model", "source", "confidence", "gone_since")
    changes = {c: getattr(merged, c) for c in columns if getattr(merged, c) != getattr(ours, c)}
    changed = _update(writer, "versions", known.id, changes)
    words = _new(ours.trigger_words, facts.trigger_words)
    rows.add_words(writer, model_id, known.id, words, start=len(ours.trigger_words))
    ours.trigger_words.extend(words)
    changed |= _merge_note(writer, "note", ours.note, merged.note, version_id=known.id)
    for file in facts.files:
        mine = match_file(known.files, file)
        if mine is None:
            number = rows.add_file(writer, known.id, file, position=len(known.files))
            known.files.append(KnownFile(number, file, []))
            changed = True
        elif mine.facts is not file:
            changed |= merge_file(writer, mine, file, wins=wins)
    return bool(changed or words)


def merge_file(writer: Writer, known: KnownFile, facts: SeedFile, *, wins: bool) -> bool:
    """Unite what is known about one file."""
    ours = known.facts
    merged = _merged(ours, facts, wins=wins)
    if ours.precision_basis == FROM_HEADER:  # the file itself is believed over everybody
        merged.precision, merged.precision_basis = ours.precision, ours.precision_basis
    changes = _changes(rows.file_columns(ours), rows.file_columns(merged))
    changed = _update(writer, "files", known.id, changes)
    aliases = _new(ours.aliases, facts.aliases)
    rows.add_aliases(writer, known.id, aliases, start=len(ours.aliases))
    ours.aliases.extend(aliases)
    changed |= _merge_note(writer, "note", ours.note, merged.note, file_id=known.id)
    changed |= _merge_hashes(writer, known, facts, merged.sha256_confidence)
    here = rows.file_sightings(ours)
    for fact, keys in rows.file_sightings(facts).items():
        new = _new(here.get(fact, []), keys)
        rows.add_sightings(writer, known.id, fact, new)
        changed |= bool(new)
    for source in facts.sources:
        changed |= _merge_source(writer, known, source)
    return bool(changed or aliases)


def _merge_hashes(
    writer: Writer, known: KnownFile, facts: SeedFile, confidence: str | None
) -> bool:
    changed = False
    for kind, digits in facts.hashes:
        if digits is not None and getattr(known.facts.hashes, kind) is None:
            sure = confidence if kind == "sha256" else None
            writer.add_hash(known.id, kind, digits, sure)
            setattr(known.facts.hashes, kind, digits)
            changed = True
    return changed


def _merge_source(writer: Writer, known: KnownFile, facts: SeedSource) -> bool:
    sources = known.facts.sources
    index = match_source(sources, facts)
    if index is None:
        number = rows.add_source(writer, known.id, facts, position=len(sources))
        sources.append(facts)
        known.source_ids.append(number)
        return True
    if index >= len(known.source_ids) or sources[index] is facts:
        return False
    ours, source_id = sources[index], known.source_ids[index]
    merged = _merged(ours, facts, wins=False)
    fields = ("model", "version", "file", "url", "confidence", "gone_since")
    changes = {c: getattr(merged, c) for c in fields if getattr(merged, c) != getattr(ours, c)}
    new = _new(ours.seen_in, facts.seen_in)
    rows.add_sightings(writer, known.id, ("source", None), new, source_id)
    ours.seen_in.extend(new)
    return _update(writer, "sources", source_id, changes) or bool(new)


# ── small steps ───────────────────────────────────────────────────────────────────────────────────


F = TypeVar("F", bound=Facts)
T = TypeVar("T")

_FLAGS = {"in_article", "is_primary", "inpainting"}  # False is what silence means
_ELSEWHERE = {"versions", "files", "sources", "hashes"}  # merged row by row


def _merged(ours: F, theirs: F, *, wins: bool) -> F:
    """Field by field, what both together know."""
    fields = {name: getattr(ours, name) for name in names_of(type(ours))}
    groups = [group for group in _GROUPS if group[0] in fields]
    grouped = {name for group in groups for name in group}
    for name in fields.keys() - grouped - _ELSEWHERE:
        fields[name] = _either(name, fields[name], getattr(theirs, name), wins=wins)
    for group in groups:
        mine, other = getattr(ours, group[0]), getattr(theirs, group[0])
        for name in group:
            if other is not None and mine != other and (wins or mine is None):
                fields[name] = getattr(theirs, name)
            elif other in (None, mine):
                fields[name] = _either(name, fields[name], getattr(theirs, name), wins=wins)
    return type(ours)(**fields)


def _either(name: str, mine: Any, other: Any, *, wins: bool) -> Any:
    if isinstance(mine, list):
        return [*mine, *_new(mine, other)]
    if isinstance(mine, dict):
        return {**mine, **other} if wins else {**other, **mine}
    if name in _FLAGS:
        return mine or other
    return other if mine is None or (wins and other is not None) else mine


def _new(ours: list[T], theirs: list[T]) -> list[T]:
    return [item for item in theirs if item not in ours]


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if before[name] != value}


def _update(writer: Writer, table: str, row_id: int, changes: dict[str, Any]) -> bool:
    if changes:
        writer.flush()  # the row itself may still wait
        writer.transaction.update(table, changes, id=row_id)
    return bool(changes)


def _drop(writer: Writer, table: str, model_id: int) -> None:
    """Take the rows out that are written anew in the next breath."""
    writer.transaction.delete(table, model_id=model_id)


def _merge_note(
    writer: Writer, kind: str, ours: str | None, merged: str | None, **owner: int
) -> bool:
    if merged is None or merged == ours:
        return False
    if ours is None:
        rows.add_note(writer, kind, merged, **owner)
    else:
        writer.transaction.update("notes", {"text": merged}, kind=kind, **owner)
    return True
