"""`sdreg link`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import link_document
from registry.cli.options import JsonFlag, complete_installed

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def link(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="An installed model; all of them if left out.",
            autocompletion=complete_installed,
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Link installed models into the UIs that are configured.

    `sdreg config set ui.comfyui FOLDER` names a UI. A file that is there already is never touched.
    """
    results = Registry.open().link(reference)
    if json:
        files = [
            {
                "file_name": entry.install.file_name,
                "sha256": entry.install.sha256,
                "links": [link_document(item) for item in entry.install.links],
                "new": [link_document(item) for item in entry.new],
                "yours": [str(place) for place in entry.yours],
                "refused": list(entry.refused),
            }
            for entry in results
        ]
        render.emit("sdreg.link/1", {"files": files})
        return
    for entry in results:
        for item in entry.new:
            render.write(f"{item.path}  ({item.method})")
        for place in entry.yours:
            render.write(f"{place}  is your own copy; it stays yours")
        for sentence in entry.refused:
            render.write(f"{entry.install.file_name}: {sentence}")
    if not any(entry.new or entry.refused for entry in results):
        render.write("every link is there")
