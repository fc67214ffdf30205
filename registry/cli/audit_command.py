"""`sdreg audit`."""

import time
from typing import Annotated

import typer

from registry.api import Registry, now
from registry.cli import render
from registry.cli.options import JsonFlag
from registry.cli.progress import progress_for_terminal
from registry.errors import InvalidArgument

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check models at times that you choose."""


@app.command()
def schedule(
    every: Annotated[str | None, typer.Option("--every", help="Whole days: 30d, 2w.")] = None,
    at: Annotated[str, typer.Option("--at", help="Local time of the day.")] = "03:00",
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", help="Begin no further file after: 2h, 30m.")
    ] = None,
    on_finding: Annotated[
        str, typer.Option("--on-finding", help="What to do then: report or repair.")
    ] = "report",
    off: Annotated[bool, typer.Option("--off", help="Forget the schedule.")] = False,
    json: JsonFlag = False,
) -> None:
    """Show, set or switch off when audits run; a timer calls `sdreg audit scheduled`.

    Without --every or --off the schedule is only shown.
    """
    from registry.catalog.schedule_records import KeptSchedule
    from registry.domain.spans import parse_span
    from registry.operations.scheduled import plain

    records = Registry.open().catalog.schedules
    if off:
        records.drop()
    elif every is not None:
        if on_finding not in {"report", "repair"}:
            raise InvalidArgument(f"--on-finding {on_finding}", "is not report or repair", None)
        before = records.get()
        new = KeptSchedule(
            every, at, time_limit, on_finding, now(), before.last_began if before else None
        )
        try:
            plain(new)
            if time_limit is not None:
                parse_span(time_limit)
        except ValueError as error:
            raise InvalidArgument("the schedule", f"cannot be kept: {error}", None) from error
        records.keep(new)
    kept = records.get()
    if json:
        told = None
        if kept is not None:
            told = {
                "every": kept.every,
                "at": kept.at,
                "time_limit": kept.time_limit,
                "on_finding": kept.on_finding,
                "last_began": kept.last_began.isoformat() if kept.last_began else None,
            }
        render.emit("sdreg.audit-schedule/1", {"schedule": told})
    elif kept is None:
        render.write("no audit is scheduled")
    else:
        limit = f", for {kept.time_limit} at most" if kept.time_limit else ""
        render.write(f"every {kept.every} at {kept.at}{limit}; then {kept.on_finding}")


@app.command()
def scheduled(json: JsonFlag = False) -> None:
    """Run the audit that is due, if one is: this is what a timer calls.

    Exits with 1 when something is found and not repaired.
    """
    from registry.operations.scheduled import run_scheduled

    done = run_scheduled(
        Registry.open().rooms,
        progress_for_terminal(quiet=json),
        zone=None,
        elapsed_s=time.monotonic,
    )
    findings = [finding for report in done.reports for finding in report.findings]
    left = len(findings) if done.repaired is None else len(done.repaired.failed)
    if json:
        document = {
            "due": done.decision is not None and done.decision.is_due,
            "next_at": done.decision.next_at.isoformat() if done.decision else None,
            "checked": len(done.reports),
            "found": len(findings),
            "not_repaired": left,
            "remaining": done.remaining,
        }
        render.emit("sdreg.audit-scheduled/1", document)
    elif done.decision is None:
        render.write("no audit is scheduled")
    elif not done.decision.is_due:
        render.write(f"nothing is due before {done.decision.next_at.astimezone():%c}")
    else:
        render.write(f"{len(done.reports)} checked, {len(findings)} found, {left} not repaired")
    if left:
        raise typer.Exit(1)
