"""`sdreg doctor`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Set a damaged catalog aside and make a new one.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Look for trouble and name its remedy.

    Changes nothing, unless --fix is given. Exits with 1 when something is bad.
    """
    registry = Registry.open()
    moved = registry.set_catalog_aside() if fix else None
    if moved is not None and not json:
        render.write(f"the damaged catalog lies in {moved} now; a new one was made")
    checks = registry.doctor()
    if json:
        entries = [
            {"what": c.what, "health": c.health, "says": c.says, "remedy": c.remedy} for c in checks
        ]
        set_aside = str(moved) if moved else None
        render.emit("sdreg.doctor/1", {"checks": entries, "catalog_set_aside": set_aside})
    else:
        for check in checks:
            render.write(f"{check.health:<5} {check.what}: {check.says}")
            if check.remedy:
                render.write(f"      → {check.remedy}")
    if any(check.health == "bad" for check in checks):
        raise typer.Exit(1)
