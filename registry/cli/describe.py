"""Models, files and installs as JSON documents and as lines; one shape for every command."""

from collections.abc import Container, Sequence
from typing import Any

from registry.domain.dispute import Dispute
from registry.domain.install import Install, Link
from registry.domain.model import Model, ModelFile, ModelVersion
from registry.errors import CAUSES
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
        "contradictions": list(file.contradictions),
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
        "derived_from": install.derived_from,
    }


def dispute_document(dispute: Dispute) -> dict[str, Any]:
    """What was promised, what was seen instead, and whether the user accepted that."""
    accepted = dispute.accepted_at
    return {
        "file_name": dispute.file_name,
        "promised": str(dispute.promised),
        "seen": str(dispute.seen),
        "size_bytes": dispute.size_bytes,
        "sources": list(dispute.sources),
        "seen_at": dispute.seen_at.isoformat(),
        "cause": dispute.cause,
        "kept_at": str(dispute.kept_at) if dispute.kept_at and not accepted else None,
        "accepted_at": accepted.isoformat() if accepted else None,
    }


def dispute_words(dispute: Dispute) -> str:
    """One dispute in a few lines."""
    accepted, kept = dispute.accepted_at, dispute.kept_at
    lines = [
        f"promised {dispute.promised}",
        f"seen     {dispute.seen} on {dispute.seen_at:%Y-%m-%d}",
        f"from     {', '.join(dispute.sources)}",
        f"cause    {CAUSES.get(dispute.cause, dispute.cause)}",
        f"accepted by you on {accepted:%Y-%m-%d}" if accepted else "not accepted",
    ]
    if kept is not None and accepted is None:
        lines.append(f"kept at  {kept}")
    return "\n".join(lines)


def proof_words(install: Install, disputes: Sequence[Dispute]) -> str:
    """Whether the bytes were proven, in a word or two; never more than is so."""
    if install.proven:
        return "proven"
    return "not proven: disputed, accepted by you" if disputes else "unproven"
