"""A domain model -> facts, the shape in which everything enters the catalog.

What a hub says is not ours to reject, but it must fit into a text of a database: characters that
cannot be written are replaced, and what is longer than any honest text is cut.
"""

from typing import cast

from registry.catalog.instants import to_text
from registry.catalog.naming import slug_of
from registry.catalog.seed_schema import (
    MAX_TEXT,
    Confidence,
    SeedFile,
    SeedHashes,
    SeedModel,
    SeedSource,
    SeedVersion,
)
from registry.domain.model import Model, ModelFile, ModelVersion
from registry.domain.source import Source


def facts_of(model: Model) -> SeedModel:
    """Everything that a domain model says."""
    clip_skip = model.clip_skip
    return SeedModel(
        slug=slug_of(model.slug),
        name=_text(model.name) or model.slug,
        type=_kept(model.type),
        base=_text(model.base),
        author=_text(model.author),
        author_source=model.origin if model.author else None,
        licence=_text(model.licence),
        licence_source=_text(model.licence_source),
        permissions={_kept(name): _kept(value) for name, value in model.permissions},
        homepage=_text(model.homepage),
        pages=[_kept(page) for page in model.pages],
        hub_models=[_kept(text) for text in model.hub_model_ids],
        clip_skip=clip_skip.value if clip_skip else None,
        clip_skip_source=_text(clip_skip.learned_from) if clip_skip else None,
        clip_skip_note=_text(clip_skip.note) if clip_skip else None,
        trigger_words=[_kept(word) for word in model.trigger_words],
        trigger_words_source=model.origin if model.trigger_words else None,
        prompt_notes=_text(model.prompt_notes),
        native_resolution=model.native_resolution,
        prediction_type=_text(model.prediction_type),
        recommended_vae=_text(model.recommended_vae),
        nsfw=model.nsfw,
        status=_text(model.status),
        note=_text(model.note),
        confidence=_sure(model.confidence),
        gone_since=to_text(model.gone_since) if model.gone_since else None,
        versions=[_version(version) for version in model.versions],
    )


def _version(version: ModelVersion) -> SeedVersion:
    return SeedVersion(
        name=_kept(version.name),
        hub_version_id=_text(version.hub_version_id),
        base_model=_text(version.base_model),
        trigger_words=[_kept(word) for word in version.trigger_words],
        note=_text(version.note),
        confidence=_sure(version.confidence),
        gone_since=to_text(version.gone_since) if version.gone_since else None,
        files=[_file(file) for file in version.files],
    )


def _file(file: ModelFile) -> SeedFile:
    return SeedFile(
        name=_kept(file.name),
        aliases=[_kept(alias) for alias in file.aliases],
        role=file.role,
        format=file.variant.format,
        precision=file.variant.precision,
        pruning=file.variant.pruning,
        detail=_text(file.detail),
        inpainting=file.inpainting,
        size_bytes=file.size_bytes,
        hashes=SeedHashes(**{h.kind.value: h.digits for h in file.hashes}),
        sources=[source_facts(source) for source in file.sources],
        hub_file_id=_text(file.hub_file_id),
        is_primary=file.is_primary,
        gated=_text(file.gated),
        note=_text(file.note),
        confidence=_sure(file.confidence),
        gone_since=to_text(file.gone_since) if file.gone_since else None,
    )


def source_facts(source: Source) -> SeedSource:
    """Everything that a source says."""
    return SeedSource(
        hub=source.hub,
        model=_text(source.model),
        version=_text(source.version),
        file=_text(source.file),
        url=_text(source.url),
    )


def _sure(confidence: str | None) -> Confidence | None:
    """One of our own words already: hubs say nothing about it."""
    return cast("Confidence | None", confidence)


def _text(text: str | None) -> str | None:
    return None if text is None else _kept(text)


def _kept(text: str) -> str:
    writable = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
    return writable[:MAX_TEXT]
