"""`sdreg repair`."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from registry.api import Registry
from registry.cli import render
from registry.cli.audit_words import finding_document
from registry.cli.options import JsonFlag, complete_installed
from registry.cli.progress import progress_for_terminal
from registry.cli.words import listed, size
from registry.domain.audit import Finding
from registry.domain.strangers_text import without_controls
from registry.errors import InvalidArgument

if TYPE_CHECKING:
    from registry.operations.repair import Mended, Planned, RepairReport

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def repair(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Installed models. If left out: those of which an audit found something, or all.",
            autocompletion=complete_installed,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Check every installed model, whatever audits found.")
    ] = False,
    edited: Annotated[
        bool,
        typer.Option(
            "--edited", help="Put metadata back that somebody edited; else you are asked."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    json: JsonFlag = False,
) -> None:
    """Bring back only what is damaged, and put it right.

    Checks first. The damaged file goes to quarantine; the repaired one is proven as a whole before
    it takes its place. Exits with 1 when something could not be mended.
    """
    if references and everything:
        raise InvalidArgument("--all", "makes no sense beside names", "Leave one of the two out.")
    registry = Registry.open()
    asks = not edited and not json and sys.stdin.isatty()
    report = registry.repair(
        references or (),
        everything=everything,
        dry_run=dry_run,
        undo_edit=partial(_ask, registry) if asks else lambda _finding: edited,
        progress=progress_for_terminal(quiet=json),
    )
    if json:
        render.emit("sdreg.repair/1", _document(report, dry_run=dry_run))
    else:
        _tell(report)
    if report.failed:
        raise typer.Exit(1)


def _ask(registry: Registry, finding: Finding) -> bool:
    # The path of a stored file says nothing to people, that of a copy does.
    called = {i.file_name for i in registry.installed() if i.sha256 == finding.sha256}
    is_stored = finding.path == registry.rooms.store.path_of(finding.sha256)
    name = listed(sorted(called)) if is_stored else without_controls(str(finding.path))
    return typer.confirm(f"{name}: somebody edited its metadata. Put the old ones back?")


def _document(report: "RepairReport", *, dry_run: bool) -> dict[str, object]:
    document: dict[str, object] = {
        "repaired": [_mended_document(done) for done in report.mended],
        "failed": [
            {
                "reference": failure.install.reference,
                **finding_document(failure.finding),
                "because": failure.because,
            }
            for failure in report.failed
        ],
    }
    if dry_run:
        document["planned"] = [_planned_document(each) for each in report.planned]
    return document


def _mended_document(done: "Mended") -> dict[str, object]:
    return {
        "path": str(done.path),
        "reference": done.install.reference,
        "bytes_fetched": done.fetched_bytes,
        "source": done.source,
        "links_remade": done.links_remade,
    }


def _planned_document(each: "Planned") -> dict[str, object]:
    return {
        "reference": each.install.reference,
        **finding_document(each.finding),
        "would": each.would,
        "bytes_at_most": each.plan.fetch_bytes if each.plan is not None else 0,
        "sources": list(each.sources),
    }


def _tell(report: "RepairReport") -> None:
    for each in report.planned:
        render.write(f"{each.finding.kind:<12} {each.install.file_name}: {each.would}")
        if each.plan is not None and each.plan.fetch_bytes:
            whence = ", ".join(("this disk", *each.sources))
            render.write(f"{'':<12} {size(each.plan.fetch_bytes)} at most, from: {whence}")
    for done in report.mended:
        if not done.fetched_bytes:
            names = "1 name" if done.links_remade == 1 else f"{done.links_remade} names"
            led_back = f", {names} led back" if done.links_remade else ""
            render.write(f"repaired {done.install.file_name} from {done.source}{led_back}")
            continue
        render.write(
            f"repaired {size(done.fetched_bytes)} of {size(done.install.size_bytes)}: "
            f"{done.install.file_name}, from {done.source}"
        )
    for failure in report.failed:
        render.write(f"not repaired: {failure.install.file_name}: {failure.because}")
    if not (report.mended or report.failed or report.planned):
        render.write("nothing is damaged")
