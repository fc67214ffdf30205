"""`sdreg doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag

if TYPE_CHECKING:
    from registry.operations.rebuild import Rebuilt

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Set a damaged catalog aside and make a new one.")
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="The same, and record again every file that is stored."),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Look for trouble and name its remedy.

    Changes nothing, unless --fix or --rebuild is given. Exits with 1 when something is bad.
    """
    registry = Registry.open()
    moved = registry.set_catalog_aside() if fix or rebuild else None
    if moved is not None and not json:
        render.write(f"the damaged catalog lies in {moved} now; a new one was made")
    rebuilt = registry.rebuild_catalog() if rebuild else None
    if rebuilt is not None and not json:
        _tell(rebuilt)
    checks = registry.doctor()
    if json:
        entries = [
            {"what": c.what, "health": c.health, "says": c.says, "remedy": c.remedy} for c in checks
        ]
        set_aside = str(moved) if moved else None
        document: dict[str, object] = {"checks": entries, "catalog_set_aside": set_aside}
        if rebuilt is not None:
            document["rebuilt"] = _document(rebuilt)
        render.emit("sdreg.doctor/1", document)
    else:
        for check in checks:
            render.write(f"{check.health:<5} {check.what}: {check.says}")
            if check.remedy:
                render.write(f"      → {check.remedy}")
    if any(check.health == "bad" for check in checks):
        raise typer.Exit(1)


def _tell(rebuilt: "Rebuilt") -> None:
    from registry.operations.rebuild import LOST

    for install in rebuilt.installs:
        render.write(f"recorded {install.file_name} again, {len(install.links)} links")
    for name in rebuilt.without_links:
        render.write(f"  no link to {name} was found: `sdreg link` makes them")
    for sha256 in rebuilt.unknown:
        render.write(f"  nothing tells what {sha256} is; it stays")
    for sha256 in rebuilt.busy:
        render.write(f"  another sdreg is at work on {sha256}")
    if rebuilt.installs:
        render.write("What cannot be known again:")
        for sentence in LOST:
            render.write(f"  {sentence}")


def _document(rebuilt: "Rebuilt") -> dict[str, object]:
    from registry.operations.rebuild import LOST

    return {
        "recorded": [
            {"sha256": i.sha256, "file_name": i.file_name, "links": [str(k.path) for k in i.links]}
            for i in rebuilt.installs
        ],
        "without_links": list(rebuilt.without_links),
        "unknown": list(rebuilt.unknown),
        "busy": list(rebuilt.busy),
        "lost": list(LOST),
    }
