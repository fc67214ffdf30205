"""`sdreg scan`."""

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import render
from registry.cli.options import JsonFlag
from registry.errors import FormatError, UnsafeFile
from registry.operations.scan import Scanned, scan

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_WORDS = ("clean", "refused", "unreadable")


@app.command(name="scan")
def scan_command(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|FOLDER", help="Files, or folders to look through."),
    ],
    json: JsonFlag = False,
) -> None:
    """Tell whether model files hold code, without running any.

    Exits with 8 when a file is refused, with 7 when one cannot be read and none is refused.
    docs/pickles.md says what is refused, and why.
    """
    found: list[Scanned] = []
    for scanned in scan(places):
        found.append(scanned)
        if not json:
            _write(scanned)
    words = [scanned.verdict.word for scanned in found]
    if json:
        render.emit("sdreg.scan/1", {"files": [_document(scanned) for scanned in found]})
    else:
        counts = ", ".join(f"{words.count(word)} {word}" for word in _WORDS if word in words)
        render.write(
            f"{len(found)} file{'s' * (len(found) != 1)}: {counts}"
            if found
            else "no model files there"
        )
    if "refused" in words:
        raise typer.Exit(UnsafeFile.exit_code)
    if "unreadable" in words:
        raise typer.Exit(FormatError.exit_code)


def _write(scanned: Scanned) -> None:
    lines = [reason.sentence for reason in scanned.verdict.reasons] or [scanned.what]
    render.write(f"{scanned.verdict.word:<10} {scanned.path}: {lines[0]}")
    for line in (*lines[1:], *(f"warning: {text}" for text in scanned.warnings)):
        render.write(f"{'':<10} {line}")


def _document(scanned: Scanned) -> dict[str, object]:
    document: dict[str, object] = {
        "path": str(scanned.path),
        "format": scanned.format,
        "verdict": scanned.verdict.word,
        "reasons": [
            {"code": reason.code, "name": reason.name, "offset": reason.offset}
            for reason in scanned.verdict.reasons
        ],
    }
    if scanned.warnings:
        document["warnings"] = list(scanned.warnings)
    return document
