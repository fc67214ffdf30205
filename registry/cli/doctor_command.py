"""`sdreg doctor`."""

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(json: JsonFlag = False) -> None:
    """Look for trouble and name its remedy.

    Changes nothing. Exits with 1 when something is bad.
    """
    checks = Registry.open().doctor()
    if json:
        entries = [
            {"what": c.what, "health": c.health, "says": c.says, "remedy": c.remedy} for c in checks
        ]
        render.emit("sdreg.doctor/1", {"checks": entries})
    else:
        for check in checks:
            render.write(f"{check.health:<5} {check.what}: {check.says}")
            if check.remedy:
                render.write(f"      → {check.remedy}")
    if any(check.health == "bad" for check in checks):
        raise typer.Exit(1)
