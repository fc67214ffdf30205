"""`sdreg downloads`."""

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag, pass_json_on
from registry.cli.words import size

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def downloads(context: typer.Context, json: JsonFlag = False) -> None:
    """Show or drop downloads that are not finished.

    The same `sdreg install` goes on where one of them was.
    """
    if context.invoked_subcommand is None:
        _show(drop=False, json=json)
    else:
        pass_json_on(context, json=json)


@app.command()
def clear(json: JsonFlag = False) -> None:
    """Drop every unfinished download and free its bytes."""
    _show(drop=True, json=json)


def _show(*, drop: bool, json: bool) -> None:
    downloader = Registry.open().rooms.downloader
    parts = downloader.unfinished()
    if drop:
        for part in parts:
            downloader.discard(part.key)
    if json:
        entries = [
            {
                "key": part.key,
                "source": part.source,
                "done_bytes": part.done_bytes,
                "size_bytes": part.size_bytes,
                "dropped": drop,
            }
            for part in parts
        ]
        render.emit("sdreg.downloads/1", {"downloads": entries})
        return
    for part in parts:
        verb = "dropped " if drop else ""
        render.write(f"{verb}{part.source}  {size(part.done_bytes)} of {size(part.size_bytes)}")
    if not parts:
        render.write("no download is unfinished")
