"""`sdreg list`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import model_document
from registry.cli.options import JsonFlag, TypeOption
from registry.cli.words import listed, size
from registry.domain.model import Model

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(name="list")
def list_models(
    type_name: TypeOption = None,
    base: Annotated[
        str | None, typer.Option("--base", help="Made for this base: sd1, sd2, sdxl, flux, …")
    ] = None,
    installed: Annotated[bool, typer.Option("--installed", help="Only installed ones.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Skip so many first.")] = 0,
    json: JsonFlag = False,
) -> None:
    """List known models; installed ones are marked.

    The size is that of the file that `sdreg install` would take.
    """
    registry = Registry.open()
    models = registry.list(
        type=type_name, base=base, installed=True if installed else None, limit=limit, offset=offset
    )
    show_models(registry, models, "sdreg.list/1", json=json)


def show_models(registry: Registry, models: tuple[Model, ...], schema: str, *, json: bool) -> None:
    """Write models as a table or a document; shared with `search`."""
    here = registry.catalog.installs.installed_slugs()
    wish = registry.wish()
    documents = [model_document(model, here, wish) for model in models]
    if json:
        render.emit(schema, {"models": documents})
        return
    if not documents:
        render.write("no model fits")
        return
    rows = [
        (
            "*" if entry["installed"] else "",
            entry["slug"],
            entry["type"],
            entry["base"] or "?",
            size(entry["size_bytes"]),
            str(entry["clip_skip"] or "–"),
            listed(entry["trigger_words"]),
        )
        for entry in documents
    ]
    render.table(("", "name", "type", "base", "size", "clip skip", "trigger words"), rows, right=4)
