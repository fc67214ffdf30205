"""`sdreg path`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import install_document
from registry.cli.options import JsonFlag, complete_installed

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def path(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="An installed model.", autocompletion=complete_installed
        ),
    ],
    blob: Annotated[bool, typer.Option("--blob", help="The stored file, not the links.")] = False,
    json: JsonFlag = False,
) -> None:
    """Print where an installed model lies.

    One path a line: the place in the library first, then those in the UIs.
    """
    registry = Registry.open()
    installs = registry.installed(reference)
    store = registry.rooms.store
    if json:
        files = [install_document(item, str(store.path_of(item.sha256))) for item in installs]
        render.emit("sdreg.path/1", {"reference": reference, "files": files})
        return
    for item in installs:
        stored = store.path_of(item.sha256)
        for place in [stored] if blob or not item.links else [link.path for link in item.links]:
            render.write(str(place))
