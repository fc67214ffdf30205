"""`sdreg export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.options import InstalledArgument, JsonFlag
from registry.cli.progress import progress_for_terminal
from registry.cli.words import files
from registry.domain.strangers_text import without_controls
from registry.errors import InvalidArgument

if TYPE_CHECKING:
    from registry.operations.export_metalink import Export

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def export(
    references: InstalledArgument = None,
    metalink: Annotated[
        bool, typer.Option("--metalink", help="As a Metalink document, which aria2 reads.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The new file; standard output if left out."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write what other programs check and repair models by.

    A Metalink document has the SHA-256 of every piece and the addresses that want no login. Files
    are read once; one that is not as it was stored is left out, and the exit code is 1 then.
    """
    if not metalink:
        raise InvalidArgument("the export", "needs a format", "Add --metalink; it is the only one.")
    if output is not None:
        from registry.operations.write_file import check_new

        check_new(output)
    report = Registry.open().export_metalink(
        references or (), progress=progress_for_terminal(quiet=json)
    )
    if output is not None and report.document:
        from registry.operations.write_file import write_new

        write_new(output, report.document.encode())
    if json:
        render.emit("sdreg.export/1", document(report, output))
    elif output is None:
        for line in report.document.splitlines():
            render.write(line)
    elif report.document:
        render.write(f"{output}: {files(len(report.files))}")
    _warn(report)
    if report.refused:
        raise typer.Exit(1)


def document(report: "Export", output: Path | None) -> dict[str, Any]:
    """What was described, and what was not; without an output the text itself as well."""
    from registry.domain.metalink import MEDIA_TYPE

    return {
        "format": MEDIA_TYPE,
        "output": str(output) if output is not None and report.document else None,
        "document": report.document if output is None and report.document else None,
        "files": [
            {
                "reference": each.install.reference,
                "name": each.file.name,
                "sha256": each.file.sha256,
                "size_bytes": each.file.size_bytes,
                "piece_bytes": each.file.piece_bytes,
                "pieces": len(each.file.pieces),
                "addresses": list(each.file.addresses),
                "no_address": each.no_address,
            }
            for each in report.files
        ],
        "refused": [
            {
                "reference": each.install.reference,
                "file_name": each.install.file_name,
                "sha256": each.install.sha256,
                "error": {
                    "code": each.error.code,
                    "message": str(each.error),
                    "hint": each.error.hint,
                },
            }
            for each in report.refused
        ],
    }


def _warn(report: "Export") -> None:
    """Say what is missing where it is in nobody's way: stdout may be the document."""
    for each in report.files:
        if each.no_address is not None:
            _say(
                f"{each.file.name}: {each.no_address}. aria2 can only check it, until you add "
                "a <url> of yours."
            )
    for refused in report.refused:
        _say(f"not exported: {refused.install.file_name}: {refused.error}")
        _say(f"hint: {refused.error.hint}")


def _say(line: str) -> None:
    typer.echo(without_controls(line), err=True)
