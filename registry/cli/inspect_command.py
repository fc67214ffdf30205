"""`sdreg inspect`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import FileOption, JsonFlag, VersionOption, complete_models
from registry.cli.progress import progress_for_terminal
from registry.cli.words import listed, size

if TYPE_CHECKING:
    from registry.operations.inspect import Inspection
    from registry.taxonomy.identify import Identity

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_LONGEST_TEXT = 200
_MOST_TEXTS = 20
_KNOWN_KEYS = ("modelspec.", "ss_", "sshs_", "general.")


@app.command()
def inspect(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="FILE|REF",
            help="A file, a folder of diffusers, or a model: a name, civitai:…, hf:…, an address.",
            autocompletion=complete_models,
        ),
    ],
    hashes: Annotated[
        bool | None,
        typer.Option(
            "--hashes/--no-hashes",
            help="Read the whole file for its hashes; left out, files up to 64 MiB.",
        ),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Look at every weight for values that are no numbers.")
    ] = False,
    file: FileOption = None,
    version: VersionOption = None,
    json: JsonFlag = False,
) -> None:
    """Look inside a file, here or at a hub, and say what it is.

    Its format by its content, type, architecture, precision and what its metadata recommend, each
    with the reason. Only the header is read, also of a file at a hub; nothing in it is run.
    """
    registry = Registry.open()
    found = registry.inspect(
        subject,
        registry.wish(file=file, version=version),
        hashes=hashes,
        deep=deep,
        progress=progress_for_terminal(quiet=json),
    )
    if json:
        render.emit("sdreg.inspect/1", inspection_document(found))
        return
    known = found.identity
    render.write(f"{found.path}: {found.what}, {size(found.size_bytes)}")
    render.facts(
        [
            ("type", _type_words(known)),
            ("made for", known.architecture),
            ("precision", known.precision or ""),
            ("weights", known.pruning or ""),
            ("predicts", known.prediction or ""),
            ("VAE", {True: "inside", False: "not inside", None: ""}[known.has_vae]),
            ("clip skip", str(known.clip_skip or "")),
            ("trigger words", listed(known.trigger_words) if known.trigger_words else ""),
            ("tensors", "" if found.tensors is None else f"{found.tensors:,}"),
            ("hashes", "\n".join(f"{kind} {digits}" for kind, digits in found.hashes.items())),
            ("metadata", "\n".join(_metadata_lines(found.metadata))),
            ("because", "\n".join(found.reasons)),
            ("no numbers", _no_numbers_words(found.not_numbers)),
            ("but", "\n".join(found.contradictions)),
        ]
    )


def _type_words(known: "Identity") -> str:
    more = (known.adapter, "for inpainting" if known.inpainting else None)
    added = ", ".join(word for word in more if word and word != known.model_type)
    return f"{known.model_type} ({added})" if added else known.model_type


def _metadata_lines(metadata: dict[str, str]) -> list[str]:
    """The first texts, those of known keys before the others."""
    names = sorted(metadata, key=lambda key: (not key.startswith(_KNOWN_KEYS), key))
    lines = [_short(key, metadata[key]) for key in names[:_MOST_TEXTS]]
    left = len(names) - len(lines)
    return [*lines, f"… and {left:,} more, which --json tells"] if left else lines


def _short(key: str, text: str) -> str:
    flat = " ".join(text.split())
    cut = flat if len(flat) <= _LONGEST_TEXT else f"{flat[:_LONGEST_TEXT]}… ({len(text):,} signs)"
    return f"{key}: {cut}"


def _no_numbers_words(found: tuple[str, ...] | None) -> str:
    if found is None:
        return ""
    return "\n".join(found) or "none: every weight is a number"


def inspection_document(found: "Inspection") -> dict[str, Any]:
    """`inspect --json`."""
    known = found.identity
    return {
        "path": found.path,
        "format": found.format,
        "what": found.what,
        "type": known.model_type,
        "architecture": known.architecture,
        "precision": known.precision,
        "pruning": known.pruning,
        "inpainting": known.inpainting,
        "prediction": known.prediction,
        "adapter": known.adapter,
        "embedded_vae": known.has_vae,
        "clip_skip": known.clip_skip,
        "trigger_words": list(known.trigger_words),
        "size_bytes": found.size_bytes,
        "tensors": found.tensors,
        "hashes": dict(found.hashes),
        "metadata": dict(found.metadata),
        "reasons": list(found.reasons),
        "contradictions": list(found.contradictions),
        "not_numbers": None if found.not_numbers is None else list(found.not_numbers),
    }
