"""`sdreg catalog`."""

from pathlib import Path
from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag, complete_models
from registry.cli.progress import progress_for_terminal
from registry.cli.words import json_text

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Add to, refresh, export or check the catalog.",
)

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A catalog file; docs/catalog-format.md describes it."),
]


@app.command()
def add(file: FileArgument, json: JsonFlag = False) -> None:
    """Bring the models of a file into the catalog.

    All of it or nothing. What is known already is completed, never erased.
    """
    outcome = Registry.open().catalog_add(file)
    if json:
        document = {"file": str(file), "added": outcome.added, "updated": outcome.updated}
        render.emit("sdreg.catalog-add/1", document)
    else:
        render.write(f"{outcome.added} models added, {outcome.updated} completed")


@app.command()
def check(file: FileArgument, json: JsonFlag = False) -> None:
    """Check a catalog file without importing it.

    Names the row and the field of the first thing that is wrong; exits with 11 then.
    """
    models = Registry.open().catalog_check(file)
    if json:
        render.emit("sdreg.catalog-check/1", {"file": str(file), "models": models})
    else:
        render.write(f"{file}: {models} models, nothing wrong")


@app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; standard output if left out.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write the whole catalog as a catalog file."""
    document = Registry.open().catalog_export()
    if file is None:
        render.write_json(document, indent=1)
        return
    from registry.operations.write_file import write_new

    write_new(file, f"{json_text(document, indent=1)}\n".encode())
    if json:
        models = len(document["models"])
        render.emit("sdreg.catalog-export/1", {"file": str(file), "models": models})
    else:
        render.write(f"{file}: {len(document['models'])} models")


@app.command()
def refresh(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Models to ask about; the installed ones if left out.",
            autocompletion=complete_models,
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Ask the hubs again about models.

    What a hub no longer has is marked as gone and stays known. Exits with 4 when no hub answered.
    """
    outcomes = Registry.open().refresh(references or (), progress=progress_for_terminal(quiet=json))
    if json:
        entries = [
            {
                "slug": one.slug,
                "reference": one.reference,
                "outcome": one.outcome,
                "message": one.message,
            }
            for one in outcomes
        ]
        render.emit("sdreg.catalog-refresh/1", {"models": entries})
    else:
        for one in outcomes:
            tail = f": {one.message}" if one.message else ""
            render.write(f"{one.outcome:<8} {one.slug} at {one.reference}{tail}")
        if not outcomes:
            render.write("nothing to ask about")
    if outcomes and all(one.outcome == "failed" for one in outcomes):
        raise typer.Exit(4)


@app.command()
def upgrade(json: JsonFlag = False) -> None:
    """Bring the catalog's database to this version's schema.

    Happens by itself whenever it is needed; a copy of the old file is kept in `backups`.
    """
    revision = Registry.open().catalog_upgrade()
    if json:
        render.emit("sdreg.catalog-upgrade/1", {"schema_revision": revision})
    else:
        render.write(f"the catalog is at schema {revision}")
