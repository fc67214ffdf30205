"""`sdreg demo`."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.cli import render
from registry.cli.options import JsonFlag
from registry.domain.progress import Progress
from registry.errors import PlaceTaken

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def demo(
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="FOLDER", help="Play it in this new folder, and keep it."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """See it all at work, without a network.

    Starts a hub on this machine that serves small models, built on the spot in the real formats,
    and walks through install, list, verify, damage and repair with the real engine, in a home of
    its own. About 400 MB of disk and a few seconds; your own models are not touched.
    """
    if keep is not None:
        folder = Path(keep).expanduser().absolute()
        if folder.exists():
            raise PlaceTaken(str(folder))
        folder.mkdir(parents=True)
        ok = _play(folder, json=json)
    else:
        with tempfile.TemporaryDirectory(prefix="sdreg-demo-") as temporary:
            ok = _play(Path(temporary), json=json)
    if not ok:
        raise typer.Exit(1)


def _play(folder: Path, *, json: bool) -> bool:
    from registry.demo.story import play

    steps: list[dict[str, Any]] = []
    for number, scene in enumerate(play(folder, Progress()), start=1):
        steps.append(
            {
                "title": scene.title,
                "command": scene.command,
                "ok": scene.ok,
                "says": list(scene.says),
            }
        )
        if not json:
            render.write(f"{number}. {scene.title}")
            render.write(f"   $ {scene.command}")
            for line in scene.says:
                render.write(f"     {line}")
            if not scene.ok:
                render.write("   this did not go as it should")
            render.write()
    ok = all(step["ok"] for step in steps)
    if json:
        render.emit("sdreg.demo/1", {"steps": steps})
    elif ok:
        render.write(f"All {len(steps)} steps went as they should. With a network, the same is:")
        render.write("   $ sdreg install anything-v3")
    return ok
