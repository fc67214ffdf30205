"""`sdreg verify`."""

import time
from typing import Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.describe import dispute_document, proof_words
from registry.cli.options import JsonFlag, complete_installed
from registry.cli.progress import progress_for_terminal
from registry.cli.words import size
from registry.domain.audit import Finding

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def verify(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Installed models; all of them if left out.",
            autocompletion=complete_installed,
        ),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compute the SHA-256 as well as the piece hashes.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Check installed models byte for byte.

    Reads them from the disk, compares every piece with what was stored, and looks at every link.
    Exits with 1 when something is found; `sdreg repair` mends it.
    """
    registry = Registry.open()
    begun_s = time.monotonic()
    report = registry.verify(
        references or (), deep=deep, progress=progress_for_terminal(quiet=json)
    )
    disputes = {
        item.install.id: registry.disputes_accepted(item.install) for item in report.checked
    }
    if json:
        disputed = [
            {"reference": item.install.reference, **dispute_document(dispute)}
            for item in report.checked
            for dispute in disputes[item.install.id]
        ]
        findings = [
            {"reference": item.install.reference, **finding_document(finding)}
            for item in report.checked
            for finding in item.findings
            if finding.is_bad
        ]
        document = {
            "checked": len(report.checked),
            "bytes": report.read_bytes,
            "seconds": round(time.monotonic() - begun_s, 3),
            "findings": findings,
            "remaining": 0,
            "disputed": disputed,
        }
        render.emit("sdreg.audit/1", document)
    else:
        for item in report.checked:
            if item.is_well:
                proof = proof_words(item.install, disputes[item.install.id])
                doubt = f" ({proof})" if disputes[item.install.id] else ""
                render.write(f"ok       {item.install.file_name}{doubt}")
            for finding in item.findings:
                if finding.is_bad:
                    render.write(f"{finding.kind:<8} {item.install.file_name}: {finding.message}")
                    render.write(f"         {finding.path}")
        render.write(f"{len(report.checked)} files, {size(report.read_bytes)} read")
    if report.findings:
        raise typer.Exit(1)


def finding_document(finding: Finding) -> dict[str, object]:
    """One finding."""
    return {
        "path": str(finding.path),
        "sha256": finding.sha256,
        "kind": finding.kind,
        "pieces": list(finding.pieces),
        "message": finding.message,
    }
