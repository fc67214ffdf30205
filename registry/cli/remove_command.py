"""`sdreg remove`."""

import sys
from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import install_document
from registry.cli.options import JsonFlag, complete_installed
from registry.cli.words import size

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def remove(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="An installed model.", autocompletion=complete_installed
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
) -> None:
    """Remove an installed model; files of yours stay.

    The record goes, then the links, then the stored bytes if no other install needs them. What is
    not ours any more is left and named.
    """
    registry = Registry.open()
    installs = registry.installed(reference)
    if not yes and not json and sys.stdin.isatty():
        for item in installs:
            render.write(f"{item.file_name}  {size(item.size_bytes)}")
        typer.confirm("Remove?", abort=True)
    removed = registry.remove(reference)
    if json:
        store = registry.rooms.store
        files = [
            {
                **install_document(gone.install, str(store.path_of(gone.install.sha256))),
                "unlinked": [str(place) for place in gone.unlinked],
                "left": [str(place) for place in gone.left],
                "freed_bytes": gone.freed_bytes,
            }
            for gone in removed
        ]
        render.emit("sdreg.remove/1", {"reference": reference, "files": files})
        return
    for gone in removed:
        render.write(f"removed {gone.install.file_name}, {size(gone.freed_bytes)} freed")
        for place in gone.left:
            render.write(f"  left {place}: it is not ours any more")
