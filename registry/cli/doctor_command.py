"""`sdreg doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag

if TYPE_CHECKING:
    from registry.operations.health import Fixed
    from registry.operations.rebuild import Rebuilt

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Put right what is safe: permissions, a damaged catalog (set aside), interrupted "
            "installs.",
        ),
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="The same, and record again every file that is stored."),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the hubs whether they can be reached.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Look for trouble and name its remedy.

    Changes nothing, unless --fix or --rebuild is given. Exits with 1 when something is bad.
    """
    registry = Registry.open()
    fixed = registry.put_right() if fix or rebuild else ()
    if (fix or rebuild) and not json:
        _tell_fixed(fixed)
    rebuilt = registry.rebuild_catalog() if rebuild else None
    if rebuilt is not None and not json:
        _tell(rebuilt)
    checks = registry.doctor(offline=offline)
    if json:
        entries = [
            {"what": c.what, "health": c.health, "says": c.says, "remedy": c.remedy} for c in checks
        ]
        aside = next((str(each.kept_at) for each in fixed if each.kept_at), None)
        document: dict[str, object] = {"checks": entries, "catalog_set_aside": aside}
        if fix or rebuild:
            document["fixed"] = [{"what": f.what, "says": f.says, "done": f.done} for f in fixed]
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


def _tell_fixed(fixed: "tuple[Fixed, ...]") -> None:
    for each in fixed:
        render.write(f"{'fixed' if each.done else 'not fixed'} {each.what}: {each.says}")
    if not fixed:
        render.write("nothing had to be put right")


def _tell(rebuilt: "Rebuilt") -> None:
    from registry.operations.rebuild import LOST

    for install in rebuilt.installs:
        links = "1 link" if len(install.links) == 1 else f"{len(install.links)} links"
        render.write(f"recorded {install.file_name} again, {links}")
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
