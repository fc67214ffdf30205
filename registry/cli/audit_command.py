"""`sdreg audit`."""

import time

import typer

from registry.api import Registry
from registry.cli import audit_schedule, render
from registry.cli.options import JsonFlag
from registry.cli.progress import progress_for_terminal

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
app.add_typer(audit_schedule.app, name="schedule")


@app.callback()
def audit() -> None:
    """Check models at times that you choose."""


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
