"""`sdreg verify`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.audit_words import report_document, write_report
from registry.cli.options import InstalledArgument, JsonFlag
from registry.cli.progress import progress_for_terminal

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def verify(
    references: InstalledArgument = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also SHA-256, structure, and weights that are no numbers."),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Check installed models byte for byte.

    The short form of `sdreg audit run`: reads them from the disk, compares every piece with what
    was stored, and looks at every link. Exits with 1 when something is found; `sdreg repair` mends
    it.
    """
    registry = Registry.open()
    report = registry.verify(
        references or (), deep=deep, progress=progress_for_terminal(quiet=json)
    )
    if json:
        render.emit("sdreg.audit/1", report_document(report, registry))
    else:
        write_report(report, registry, every_file=True)
    if report.findings:
        raise typer.Exit(1)
