"""What `sdreg install` tells of a plan and of its end, to people and to programs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from registry.cli import render
from registry.cli.describe import (
    dispute_document,
    file_document,
    link_document,
    proof_words,
    trigger_words,
)
from registry.cli.show_command import licence_words
from registry.cli.words import listed, size
from registry.domain.variant import FileFormat
from registry.taxonomy.clip_skip import advise_clip_skip

if TYPE_CHECKING:
    from registry.domain.dispute import Dispute
    from registry.domain.model import Model
    from registry.operations.install import InstalledFile, InstallReport
    from registry.operations.plan_install import InstallPlan, Step

# ── for people ────────────────────────────────────────────────────────────────────────────────────


def write_plan(plan: "InstallPlan") -> None:
    """What will happen: what, why, bytes, free space, where to."""
    model = plan.model
    render.write(f"{model.slug}: {model.name} ({plan.model_type}, {model.base or 'base unknown'})")
    first = plan.steps[0]
    chosen = first.candidate
    also = ", ".join(step.file_name for step in plan.steps[1:])
    render.facts(
        [
            ("file", f"{chosen.file.name} of {chosen.version.name}"),
            ("why", "\n".join(plan.why)),
            ("with it", also),
            ("bytes", f"{_needed(plan)}; {size(plan.free_bytes)} are free"),
            ("from", "\n".join(str(source) for source in chosen.file.sources)),
            ("no link", "\n".join(plan.absent)),
            ("to", _LATER if plan.model_type == "other" else _places(first)),
        ]
    )


def _places(step: "Step") -> str:
    return "\n".join(str(place.path) for place in step.places)


_LATER = "decided when the file is here and its type is known"


def _needed(plan: "InstallPlan") -> str:
    if all(step.present is not None for step in plan.steps):
        return "nothing to fetch"
    return f"{size(plan.needed_bytes)} to fetch" if plan.needed_bytes else "size not known yet"


Disputes = Mapping[str, "tuple[Dispute, ...]"]
"""What the user accepted instead of what was promised, by SHA-256 of the stored file."""


def write_report(report: "InstallReport", disputes: Disputes) -> None:
    """What was done, and what one needs to use it."""
    render.write()
    for done in report.files:
        word = _STATUS_WORDS[done.status]
        accepted = disputes.get(done.blob.sha256, ())
        proof = proof_words(done.install, accepted)
        render.write(f"{word}: {done.install.file_name}, {size(done.blob.size_bytes)}, {proof}")
        render.facts(
            [
                ("at", "\n".join(str(link.path) for link in done.install.links)),
                ("yours", "\n".join(f"{place} (left as it is)" for place in done.yours)),
                ("source", done.install.source),
                ("sha256", done.blob.sha256),
                ("note", "\n".join(done.notes)),
            ]
        )
    render.write()
    render.write("to use it:")
    render.facts(_to_use_it(report))


_STATUS_WORDS = {
    "installed": "installed",
    "already-installed": "already installed, nothing to do",
    "linked": "was here already, linked",
}


def _to_use_it(report: "InstallReport") -> list[tuple[str, str]]:
    model = report.model
    words = _trigger_words(report)
    rows = [
        ("trigger words", listed(words) if words else "none known"),
        ("prompting", model.prompt_notes or ""),
    ]
    if model.type == "checkpoint":
        rows.append(("clip skip", _clip_skip_advice(model)))
        rows.append(("VAE", model.recommended_vae or "none known of"))
    rows.append(("licence", licence_words(model)))
    return rows


def _trigger_words(report: "InstallReport") -> tuple[str, ...]:
    """Those of the version that was installed."""
    taken = report.files[0].file
    versions = (
        version
        for version in report.model.versions
        if any(file.id == taken.id and file.name == taken.name for file in version.files)
    )
    return trigger_words(report.model, next(versions, None))


def _clip_skip_advice(model: "Model") -> str:
    if model.clip_skip is None:
        return "not known; leave it as it is"
    advice = advise_clip_skip(model.clip_skip.value, model.base or "")
    known = f"(known from: {model.clip_skip.learned_from})" if model.clip_skip.learned_from else ""
    ways = [f"{ui}: {how}" for ui, how in advice.settings.items()]
    return "\n".join((f"{advice.meaning} {known}".rstrip(), *ways))


# ── for programs ──────────────────────────────────────────────────────────────────────────────────


def plan_document(plan: "InstallPlan") -> dict[str, Any]:
    """`install --dry-run --json`."""
    return {
        "reference": plan.reference,
        "slug": plan.model.slug,
        "type": plan.model_type,
        "needed_bytes": plan.needed_bytes,
        "free_bytes": plan.free_bytes,
        "because": list(plan.why),
        "absent_uis": list(plan.absent),
        "files": [
            {
                **file_document(step.candidate.version, step.candidate.file),
                "file_name": step.file_name,
                "places": [
                    {"layout": place.layout, "path": str(place.path)} for place in step.places
                ],
                "present": step.present is not None,
            }
            for step in plan.steps
        ],
    }


def report_document(report: "InstallReport", disputes: Disputes) -> dict[str, Any]:
    """`install --json`."""
    model = report.model
    return {
        "reference": report.reference,
        "slug": model.slug,
        "type": report.files[0].install.model_type,
        "base": model.base,
        "files": [
            _installed_document(done, disputes.get(done.blob.sha256, ())) for done in report.files
        ],
        "clip_skip": model.clip_skip.value if model.clip_skip else None,
        "clip_skip_source": model.clip_skip.learned_from if model.clip_skip else None,
        "trigger_words": list(_trigger_words(report)),
        "recommended_vae": model.recommended_vae,
        "licence": model.licence,
        "permissions": dict(model.permissions),
    }


def _installed_document(done: "InstalledFile", disputes: "tuple[Dispute, ...]") -> dict[str, Any]:
    return {
        "path": str(done.blob.path),
        "links": [link_document(link) for link in done.install.links],
        "sha256": done.blob.sha256,
        "blake3": done.blob.blake3,
        "size_bytes": done.blob.size_bytes,
        "source": done.install.source,
        "format": FileFormat.SAFETENSORS if done.install.derived_from else done.file.variant.format,
        "derived_from": done.install.derived_from,
        "precision": done.file.variant.precision,
        "status": done.status,
        "name": done.install.file_name,
        "proven": done.install.proven,
        "disputed": [dispute_document(dispute) for dispute in disputes],
        "yours": [str(place) for place in done.yours],
        "notes": list(done.notes),
    }
