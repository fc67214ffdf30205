"""`sdreg audit`."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from registry.api import Registry
from registry.cli import audit_schedule, render
from registry.cli.audit_standing import (
    file_document,
    moment,
    past_document,
    standing_document,
    write_files,
    write_past,
    write_runs,
    write_standing,
)
from registry.cli.audit_words import report_document, run_document, write_report
from registry.cli.options import InstalledArgument, JsonFlag, complete_installed
from registry.cli.progress import progress_for_terminal
from registry.domain.spans import parse_span
from registry.errors import AuditRunning, InvalidArgument

if TYPE_CHECKING:
    from registry.operations.scheduled import ScheduledRun

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
app.add_typer(audit_schedule.app, name="schedule")

_T = TypeVar("_T")
_MOST = 1_000_000


@app.callback()
def audit() -> None:
    """Check that stored files are still what was stored."""


@app.command()
def run(
    references: InstalledArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every installed model; so it is without any name.")
    ] = False,
    due: Annotated[
        bool,
        typer.Option(
            "--due",
            help="Only what was not found right for as long as the schedule says, else 30 days.",
        ),
    ] = False,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", help="Begin no further file after: 2h, 30m.")
    ] = None,
    max_bytes: Annotated[
        str | None, typer.Option("--max-bytes", help="Read no more than: 500G, 20M.")
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option("--subset", help="One part of all files, always the same: 3/30 is the third."),
    ] = None,
    rate: Annotated[str | None, typer.Option("--rate", help="Most bytes a second: 200M.")] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also SHA-256, structure, and weights that are no numbers."),
    ] = False,
    yield_to_gpu: Annotated[
        bool, typer.Option("--yield-to-gpu", help="Begin no file while a GPU is busy.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Read stored files from the disk and compare every byte with what was stored.

    Known-bad files come first, then those that were not looked at for the longest time: a run that
    stops at its budget goes on there the next time. Exits with 1 when something is found.
    """
    from registry.audit.budget import Budget, Subset
    from registry.operations.audit import AuditWish
    from registry.settings.keys import amount

    if references and (everything or due):
        said = "--all" if everything else "--due"
        raise InvalidArgument(said, "makes no sense beside names", "Leave one of the two out.")
    registry = Registry.open()
    wish = AuditWish(
        scope="named" if references else "subset" if subset else "due" if due else "all",
        due_after=_due_after(registry) if due else None,
        subset=_read("--subset", subset, Subset.parse, "3/30"),
        budget=Budget(
            _read("--time-limit", time_limit, parse_span, "2h"),
            _read("--max-bytes", max_bytes, amount, "500G"),
        ),
        bytes_per_s=_read("--rate", rate, amount, "200M"),
        deep=deep,
        yields_to_gpu=yield_to_gpu,
    )
    report = registry.audit(references or (), wish=wish, progress=progress_for_terminal(quiet=json))
    if json:
        render.emit("sdreg.audit/1", report_document(report, registry))
    else:
        write_report(report, registry, every_file=bool(references))
    if report.findings:
        raise typer.Exit(1)


def _due_after(registry: Registry) -> timedelta:
    from registry.operations.audit import DUE_AFTER

    kept = registry.catalog.schedules.get()
    return parse_span(kept.every) if kept is not None else DUE_AFTER


def _read(option: str, text: str | None, reader: Callable[[str], _T], example: str) -> _T | None:
    """What was typed behind an option.

    Raises:
        InvalidArgument: It cannot be read, or is nothing at all.
    """
    if text is None:
        return None
    try:
        value = reader(text)
    except ValueError as error:
        hint = f"For example {option} {example}."
        raise InvalidArgument(f"{option} {text}", "cannot be read", hint) from error
    if not value:
        raise InvalidArgument(f"{option} {text}", "is nothing at all", "Leave it out for no limit.")
    return value


@app.command()
def status(json: JsonFlag = False) -> None:
    """Show how far audits are: what is known to be bad, and how old the checks are.

    Exits with 1 when something was found and is not mended.
    """
    from registry.operations.standing import standing

    registry = Registry.open()
    now_is = standing(registry.rooms)
    if json:
        render.emit("sdreg.audit-status/1", standing_document(now_is))
    else:
        write_standing(now_is)
    if now_is.findings:
        raise typer.Exit(1)


@app.command()
def history(
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="What was found about one model; all runs if left out.",
            autocompletion=complete_installed,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MOST, help="So many, the newest first.")
    ] = 20,
    json: JsonFlag = False,
) -> None:
    """Show earlier audits, or what they found about one model."""
    registry = Registry.open()
    records = registry.catalog.audits
    if reference is None:
        runs = records.runs(limit=limit)
        if json:
            render.emit("sdreg.audit-history/1", {"runs": [run_document(each) for each in runs]})
        else:
            write_runs(runs)
        return
    installs = registry.installed(reference)
    past = records.history({install.sha256 for install in installs}, limit=limit)
    if json:
        entries = [past_document(each) for each in past]
        render.emit("sdreg.audit-history/1", {"reference": reference, "findings": entries})
    else:
        write_past(past)


@app.command()
def report(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="An HTML file, whole in itself: to keep or to mail."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Tell the state of every stored file: as a table, or as a page.

    Exits with 1 when something was found and is not mended.
    """
    from registry.operations.standing import standing

    registry = Registry.open()
    now_is = standing(registry.rooms)
    if output is not None:
        from registry.cli.audit_page import page
        from registry.operations.write_file import write_new

        write_new(output, page(now_is, registry.catalog.audits.runs(limit=20)).encode())
    if json:
        told = standing_document(now_is) | {"files": [file_document(each) for each in now_is.files]}
        written = str(output) if output is not None else None
        render.emit("sdreg.audit-report/1", told | {"output": written})
    elif output is not None:
        render.write(f"wrote {output}")
    else:
        write_files(now_is)
    if now_is.findings:
        raise typer.Exit(1)


@app.command()
def scheduled(json: JsonFlag = False) -> None:
    """Run the audit that is due, if one is: this is what a timer calls.

    Exits with 1 when something is found and not repaired.
    """
    registry = Registry.open()
    try:
        done = registry.run_scheduled(progress=progress_for_terminal(quiet=json))
    except AuditRunning as error:
        # The next call will see to it: a timer has nothing to complain about.
        done = None
        typer.echo(f"sdreg: {error}", err=True)
    run = done.report.run if done is not None and done.report is not None else None
    document: dict[str, object] = {
        "due": run is not None,
        "next_at": done.decision.next_at.isoformat() if done and done.decision else None,
        "checked": run.checked if run else 0,
        "found": run.found if run else 0,
        "not_repaired": done.left if done is not None else 0,
        "remaining": run.remaining if run else 0,
    }
    if json:
        render.emit("sdreg.audit-scheduled/1", document)
    elif done is not None:
        _write_scheduled(done, registry)
    if done is not None and run is not None and run.found:
        _tell(done, document, registry)
    if done is not None and done.left:
        # Cron mails what a timer writes here, and nothing else.
        left = "1 finding is" if done.left == 1 else f"{done.left} findings are"
        typer.echo(f"sdreg: {left} not repaired: see `sdreg audit status`", err=True)
        raise typer.Exit(1)


def _write_scheduled(done: "ScheduledRun", registry: Registry) -> None:
    if done.decision is None:
        render.write("no audit is scheduled")
    elif done.report is None:
        render.write(f"nothing is due before {moment(done.decision.next_at)}")
    else:
        write_report(done.report, registry, every_file=False)
        if done.repaired is not None:
            render.write(f"{len(done.repaired.mended)} repaired, {done.left} not repaired")


def _tell(done: "ScheduledRun", document: dict[str, object], registry: Registry) -> None:
    """Tell those who want to know of findings; who cannot be told does not stop an audit."""
    if done.report is None or not registry.wants_to_be_told:
        return
    found, left = len(done.report.findings), done.left
    subject = f"sdreg: {found} found, {left} not repaired"
    body = "\n".join(
        f"{finding.kind}: {item.owner_of(finding).file_name}: {finding.message}"
        for item in done.report.checked
        for finding in item.findings
        if finding.is_bad
    )
    for failure in registry.tell(subject, body, {"event": "findings", **document}):
        typer.echo(f"sdreg: {failure}", err=True)
