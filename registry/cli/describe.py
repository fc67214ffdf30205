"""Models, files and installs as JSON documents and as lines; one shape for every command."""

from collections.abc import Container
from typing import Any

from registry.domain.install import Install, Link
from registry.domain.model import Model, ModelFile, ModelVersion
from registry.resolve.choose import choose
from registry.resolve.preference import Preference


def model_document(model: Model, installed: Container[str], wish: Preference) -> dict[str, Any]:
    """One entry of `list` and `search`; the size is that of the file that would be taken."""
    chosen = choose(model, wish).chosen
    return {
        "slug": model.slug,
        "name": model.name,
        "type": model.type,
        "base": model.base,
        "clip_skip": model.clip_skip.value if model.clip_skip else None,
        "trigger_words": list(trigger_words(model)),
        "installed": model.slug in installed,
        "size_bytes": chosen.file.size_bytes if chosen else None,
        "file": chosen.file.name if chosen else None,
        "licence": model.licence,
        "nsfw": model.nsfw,
    }


def trigger_words(model: Model, version: ModelVersion | None = None) -> tuple[str, ...]:
    """The words of the version that is meant, else those of the model."""
    if version is not None and version.trigger_words:
        return version.trigger_words
    return model.trigger_words


def file_document(version: ModelVersion, file: ModelFile) -> dict[str, Any]:
    """One file of `show` and `why`."""
    return {
        "id": file.id,
        "hub_file_id": file.hub_file_id,
        "name": file.name,
        "version": version.name,
        "version_id": version.hub_version_id,
        "role": file.role,
        "format": file.variant.format,
        "precision": file.variant.precision,
        "pruning": file.variant.pruning,
        "size_bytes": file.size_bytes,
        "hashes": {item.kind.value: item.digits for item in file.hashes},
        "sources": [str(source) for source in file.sources],
        "confidence": file.confidence,
        "gone_since": file.gone_since.isoformat() if file.gone_since else None,
        "gated": file.gated,
        "detail": file.detail,
        "note": file.note,
    }


def details_document(model: Model) -> dict[str, Any]:
    """Everything about one model."""
    skip = model.clip_skip
    return {
        "slug": model.slug,
        "name": model.name,
        "type": model.type,
        "base": model.base,
        "author": model.author,
        "origin": model.origin,
        "homepage": model.homepage,
        "pages": list(model.pages),
        "hub_model_ids": list(model.hub_model_ids),
        "licence": model.licence,
        "licence_source": model.licence_source,
        "permissions": dict(model.permissions),
        "clip_skip": skip.value if skip else None,
        "clip_skip_source": skip.learned_from if skip else None,
        "clip_skip_note": skip.note if skip else None,
        "trigger_words": list(model.trigger_words),
        "prompt_notes": model.prompt_notes,
        "native_resolution": model.native_resolution,
        "prediction_type": model.prediction_type,
        "recommended_vae": model.recommended_vae,
        "nsfw": model.nsfw,
        "status": model.status,
        "note": model.note,
        "confidence": model.confidence,
        "gone_since": model.gone_since.isoformat() if model.gone_since else None,
        "files": [file_document(version, file) for version, file in model.files],
    }


def link_document(link: Link) -> dict[str, Any]:
    """One link."""
    return {"layout": link.layout, "path": str(link.path), "method": link.method}


def install_document(install: Install, path: str) -> dict[str, Any]:
    """One installed file, as `path`, `remove` and `verify` name it."""
    return {
        "reference": install.reference,
        "slug": install.slug,
        "type": install.model_type,
        "file_name": install.file_name,
        "path": path,
        "sha256": install.sha256,
        "size_bytes": install.size_bytes,
        "source": install.source,
        "proven": install.proven,
        "installed_at": install.installed_at.isoformat(),
        "links": [link_document(link) for link in install.links],
    }
