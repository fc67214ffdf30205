"""`sdreg gc`."""

import sys
from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag
from registry.cli.words import files, size
from registry.errors import InUse

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show it.")] = False,
    older: Annotated[
        bool,
        typer.Option("--older", help="Also remove older versions where a newer one is installed."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
) -> None:
    """Throw away what is of no use any more.

    Shown and asked for are stored files that nothing refers to, downloads that were left for a
    week, and what was set aside. Files that sdreg did not make are never touched. Without --yes,
    a program that cannot be asked is only shown what there is.
    """
    from registry.operations.collect import WasteKind

    registry = Registry.open()
    found = registry.find_waste()
    chosen = [waste for waste in found if older or waste.kind is not WasteKind.SUPERSEDED]
    if not json:
        for waste in found:
            kept = "" if waste in chosen else "  (kept; --older removes it)"
            render.write(f"{waste.kind:<12} {waste.name}  {size(waste.size_bytes)}{kept}")
        if not chosen:
            render.write("there is nothing to throw away")
    goes = yes and not dry_run and bool(chosen)
    if chosen and not (yes or dry_run or json) and sys.stdin.isatty():
        goes = typer.confirm(f"Throw away {files(len(chosen))}?", abort=True)
    gone, freed_bytes = set(), 0
    for waste in chosen if goes else ():
        try:
            went = registry.throw_away(waste)
        except InUse as error:
            typer.echo(f"kept {waste.name}: {error}", err=True)
            continue
        if went:
            gone.add(waste)
            freed_bytes += waste.size_bytes
    if json:
        entries = [
            {
                "kind": waste.kind,
                "name": waste.name,
                "path": str(waste.path),
                "size_bytes": waste.size_bytes,
                "gone": waste in gone,
            }
            for waste in found
        ]
        render.emit("sdreg.gc/1", {"found": entries, "freed_bytes": freed_bytes})
    elif goes:
        render.write(f"{files(len(gone))} thrown away, {size(freed_bytes)} freed")
