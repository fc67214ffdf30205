"""`sdreg repair`."""

from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import JsonFlag, complete_installed
from registry.cli.progress import progress_for_terminal
from registry.cli.verify_command import finding_document
from registry.cli.words import size

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def repair(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Installed models; all of them if left out.",
            autocompletion=complete_installed,
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Fetch only what is damaged, and put it right.

    Checks first. The damaged file goes to quarantine; the repaired one is proven as a whole before
    it takes its place. Exits with 1 when something could not be mended.
    """
    registry = Registry.open()
    report = registry.repair(references or (), progress=progress_for_terminal(quiet=json))
    if json:
        store = registry.rooms.store
        document = {
            "repaired": [
                {
                    "path": str(store.path_of(done.install.sha256)),
                    "reference": done.install.reference,
                    "bytes_fetched": done.fetched_bytes,
                    "source": done.source,
                    "links_remade": done.links_remade,
                }
                for done in report.mended
            ],
            "failed": [
                {
                    "reference": failure.install.reference,
                    **finding_document(failure.finding),
                    "because": failure.because,
                }
                for failure in report.failed
            ],
        }
        render.emit("sdreg.repair/1", document)
    else:
        for done in report.mended:
            render.write(
                f"repaired {size(done.fetched_bytes)} of {size(done.install.size_bytes)}: "
                f"{done.install.file_name}, from {done.source}"
            )
        for failure in report.failed:
            render.write(f"not repaired: {failure.install.file_name}: {failure.because}")
        if not report.mended and not report.failed:
            render.write("nothing is damaged")
    if report.failed:
        raise typer.Exit(1)
