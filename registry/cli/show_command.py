"""`sdreg show`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import details_document, dispute_document, dispute_words, link_document
from registry.cli.options import JsonFlag, ModelArgument
from registry.cli.smoke_command import run_document, run_words
from registry.cli.words import listed, size
from registry.domain.model import FileRole, Model, ModelFile
from registry.resolve.choose import choose

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def show(
    reference: ModelArgument,
    hashes: Annotated[bool, typer.Option("--hashes", help="Show every hash as well.")] = False,
    json: JsonFlag = False,
) -> None:
    """Show everything that is known about a model.

    Its variants, CLIP skip and where that is known from, trigger words, licence and sources. The
    arrow marks the file that `sdreg install` would take.
    """
    registry = Registry.open()
    model = registry.show(reference)
    installs = registry.catalog.installs.find(model.slug)
    chosen = choose(model, registry.wish()).chosen
    evidence = registry.catalog.models.evidence(_sources_told(model))
    accepted = [dispute for each in installs for dispute in registry.disputes_accepted(each)]
    disputes = tuple(dict.fromkeys((*registry.disputes_about(model), *accepted)))
    tried = [run for each in installs if (run := registry.last_smoke(each)) is not None]
    if json:
        links = [link_document(link) for install in installs for link in install.links]
        chosen_id = chosen.file.id if chosen else None
        document = details_document(model)
        document |= {"installed": bool(installs), "links": links, "chosen_file_id": chosen_id}
        document["evidence"] = evidence
        document["disputes"] = [dispute_document(dispute) for dispute in disputes]
        document["smoke"] = [run_document(run) for run in tried]
        render.emit("sdreg.show/1", document)
        return
    render.write(f"{model.slug}: {model.name}")
    render.facts(
        [
            ("type", f"{model.type}, made for {model.base or 'an unknown base'}"),
            ("author", model.author or ""),
            ("pages", "\n".join(model.pages or ((model.homepage,) if model.homepage else ()))),
            ("licence", licence_words(model)),
            ("clip skip", clip_skip_words(model)),
            ("where", "\n".join(f"{key}: {what}" for key, what in evidence.items())),
            ("trigger words", listed(model.trigger_words) if model.trigger_words else ""),
            ("prompting", model.prompt_notes or ""),
            ("resolution", f"{model.native_resolution} px" if model.native_resolution else ""),
            ("prediction", model.prediction_type or ""),
            ("VAE", model.recommended_vae or ""),
            ("nsfw", "yes" if model.nsfw else ""),
            ("status", model.status or ""),
            ("note", model.note or ""),
            ("installed", "\n".join(str(link.path) for i in installs for link in i.links)),
            *(("disputed", dispute_words(dispute)) for dispute in disputes),
            *(("smoke test", run_words(run)) for run in tried),
        ]
    )
    taken = chosen.file.id if chosen else None
    _write_files(model, taken, hashes=hashes)


def _write_files(model: Model, taken: int | None, *, hashes: bool) -> None:
    for version in model.versions:
        ident = f" (id {version.hub_version_id})" if version.hub_version_id else ""
        words = f", says {listed(version.trigger_words)}" if version.trigger_words else ""
        render.write()
        render.write(f"  version {version.name}{ident}{words}")
        for file in version.files:
            mark = "→" if file.id is not None and file.id == taken else " "
            ident = f" (id {file.hub_file_id or file.id})"
            render.write(f"  {mark} {file.name}{ident}  {size(file.size_bytes)}  {_kind(file)}")
            if file.hashes.sha256 and not hashes:
                render.write(f"      sha256 {file.hashes.sha256}")
            for item in file.hashes if hashes else ():
                render.write(f"      {item.kind:<7} {item.digits}")
            for source in file.sources:
                render.write(f"      from {source}")
            if file.gated:
                render.write(f"      gated: {file.gated}")
            for sentence in file.contradictions:
                render.write(f"      {sentence}")
            if not file.hashes.can_prove:
                render.write("      no hash of it is known")


def _sources_told(model: Model) -> str:
    """Everything that says where a fact is known from."""
    skip = model.clip_skip
    return " ".join(told for told in (skip and skip.learned_from, skip and skip.note) if told)


def _kind(file: ModelFile) -> str:
    """Role and variant, and the publisher's own words where they say more."""
    role = "" if file.role is FileRole.WEIGHTS else f"{file.role}, "
    told = (file.detail or "").partition(";")[0].strip()
    known = {*str(file.variant).split(), file.role.value, ""}
    more = f" ({told})" if not set(told.replace(",", " ").split()) <= known else ""
    return f"{role}{file.variant}{more}"


def licence_words(model: Model) -> str:
    """The licence, or what the publisher permits."""
    if model.licence:
        return model.licence
    if model.permissions:
        said = ", ".join(f"{name}: {value}" for name, value in model.permissions)
        return f"not stated; permissions at Civitai: {said}"
    return "not known"


def clip_skip_words(model: Model) -> str:
    """The recommended CLIP skip and where that is known from."""
    skip = model.clip_skip
    if skip is None:
        return "not known"
    lines = [f"{skip.value}, known from: {skip.learned_from or 'nobody says where'}"]
    if skip.note:
        lines.append(skip.note)
    return "\n".join(lines)
