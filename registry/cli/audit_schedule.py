"""`sdreg audit schedule`: when audits run, the timer that calls them, and who is told."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.api import Registry, now
from registry.cli import render
from registry.cli.options import JsonFlag, pass_json_on
from registry.domain.strangers_text import without_controls
from registry.errors import InvalidArgument, NotTold

if TYPE_CHECKING:
    from registry.catalog.schedule_records import KeptSchedule
    from registry.operations.audit_timer import TimerPlan, TimersThere

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)

_EXAMPLE = "For example --every 30d --at 03:00 --time-limit 2h --on-finding repair."

WithOption = Annotated[
    str | None,
    typer.Option("--with", help="Only this kind of timer: systemd, cron, launchd or windows."),
]


@app.callback()
def schedule(
    context: typer.Context,
    every: Annotated[str | None, typer.Option("--every", help="Whole days: 30d, 2w.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Local time of the day; 03:00 if left out.")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", help="Begin no further file after: 2h, 30m.")
    ] = None,
    on_finding: Annotated[
        str | None,
        typer.Option("--on-finding", help="What to do then: report, or repair as well."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Forget the schedule.")] = False,
    json: JsonFlag = False,
) -> None:
    """Show, set or switch off when audits run; a timer calls `sdreg audit scheduled`.

    Without --every or --off the schedule is only shown, and which timer of the system calls it.
    """
    details = {"--at": at, "--time-limit": time_limit, "--on-finding": on_finding}
    given = [name for name, value in details.items() if value is not None]
    if context.invoked_subcommand is not None:
        if every is not None or off or given:
            raise InvalidArgument(
                f"`schedule {context.invoked_subcommand}`",
                "sets no schedule",
                "Call `sdreg audit schedule --every …` by itself first.",
            )
        pass_json_on(context, json=json)
        return
    if every is None and given:
        raise InvalidArgument(
            given[0], "is part of a schedule", "Say --every as well, for example --every 30d."
        )
    if off and every is not None:
        raise InvalidArgument("--off", "makes no sense beside --every", "Leave one of the two out.")
    registry = Registry.open()
    if off:
        registry.catalog.schedules.drop()
    elif every is not None:
        _keep(registry, every, at or "03:00", time_limit, on_finding or "report")
    kept = registry.catalog.schedules.get()
    timers = registry.timers()
    if json:
        document = {
            "schedule": _told(kept) if kept is not None else None,
            "timers": [{"system": name, "state": state} for name, state in timers.there.items()],
            "troubles": [str(trouble) for trouble in timers.troubles],
        }
        render.emit("sdreg.audit-schedule/1", document)
    else:
        _show_schedule(kept, timers)


def _show_schedule(kept: "KeptSchedule | None", timers: "TimersThere") -> None:
    if kept is None:
        render.write("no audit is scheduled")
    else:
        limit = f", for {kept.time_limit} at most" if kept.time_limit else ""
        render.write(f"every {kept.every} at {kept.at}{limit}; then {kept.on_finding}")
    for name, state in timers.there.items():
        if state == "current":
            render.write(f"{name} calls sdreg once an hour")
        else:
            render.write(f"a timer of {name} is there, but not as it should be: install it again")
    for trouble in timers.troubles:
        typer.echo(without_controls(str(trouble)), err=True)
    if kept is not None and not timers.there:
        render.write("no timer calls sdreg; `sdreg audit schedule install` sets one up")


def _keep(registry: Registry, every: str, at: str, time_limit: str | None, on_finding: str) -> None:
    from registry.catalog.schedule_records import KeptSchedule
    from registry.domain.spans import parse_span
    from registry.operations.scheduled import plain

    if on_finding not in {"report", "repair"}:
        raise InvalidArgument(f"--on-finding {on_finding}", "is not report or repair", _EXAMPLE)
    records = registry.catalog.schedules
    before = records.get()
    new = KeptSchedule(
        every, at, time_limit, on_finding, now(), before.last_began if before else None
    )
    try:
        plain(new)
        if time_limit is not None:
            parse_span(time_limit)
    except ValueError as error:
        raise InvalidArgument("the schedule", f"cannot be kept: {error}", _EXAMPLE) from error
    records.keep(new)


def _told(kept: "KeptSchedule") -> dict[str, Any]:
    return {
        "every": kept.every,
        "at": kept.at,
        "time_limit": kept.time_limit,
        "on_finding": kept.on_finding,
        "last_began": kept.last_began.isoformat() if kept.last_began else None,
    }


@app.command()
def install(
    system: WithOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
) -> None:
    """Let the system call `sdreg audit scheduled` once an hour.

    Shows what is written and where, and asks. It takes systemd where it answers, else launchd, the
    task scheduler of Windows, or cron. Without --yes, a program that cannot be asked is only shown
    what there would be.
    """
    registry = Registry.open()
    plan = registry.plan_timer(system)
    remarks = list(plan.remarks)
    if registry.catalog.schedules.get() is None:
        remarks.append("No audit is scheduled yet: `sdreg audit schedule --every 30d` does that.")
    is_new = plan.state != "current"
    goes = is_new and yes and not dry_run
    if not json:
        _show_plan(plan)
    if is_new and not (yes or dry_run or json) and sys.stdin.isatty():
        goes = typer.confirm("Write it?", abort=True)
    if goes:
        registry.install_timer(plan)
    if json:
        document = {
            "system": plan.system.name,
            "before": plan.state,
            "written": goes,
            "writes": [{"where": each.where, "text": each.text} for each in plan.writes],
            "remarks": remarks,
        }
        render.emit("sdreg.audit-timer/1", document)
        return
    if goes:
        render.write(f"{plan.system.name} calls sdreg once an hour now")
    elif is_new:
        render.write("nothing was written; --yes writes it")
    for remark in remarks:
        render.write(remark)


def _show_plan(plan: "TimerPlan") -> None:
    if plan.state == "current":
        render.write(f"the timer is there already: {plan.system.name} calls sdreg once an hour")
        return
    for each in plan.writes:
        render.write(f"{each.where}:")
        for line in each.text.splitlines():
            render.write(f"    {line}")


@app.command()
def uninstall(system: WithOption = None, json: JsonFlag = False) -> None:
    """Take the timer away that `install` set up; the schedule stays."""
    gone = Registry.open().uninstall_timer(system)
    if json:
        render.emit("sdreg.audit-timer-gone/1", {"gone": list(gone)})
    elif gone:
        render.write(f"{' and '.join(gone)} will not call sdreg any more")
    else:
        render.write("there was no timer of sdreg's")


@app.command(name="test-notification")
def send_a_test(json: JsonFlag = False) -> None:
    """Tell those whom the settings name, as an audit that found something would.

    Exits with 12 when somebody cannot be told.
    """
    registry = Registry.open()
    if not registry.wants_to_be_told:
        raise InvalidArgument(
            "notify.command and notify.url",
            "are not set",
            "`sdreg config set notify.command PROGRAM` names whom to tell; see docs/schedule.md.",
        )
    document = {
        "schema": "sdreg.audit-scheduled/1",
        "event": "test",
        "checked": 0,
        "found": 0,
        "not_repaired": 0,
    }
    body = "This is a test: audits that find something will be told here."
    failures = registry.tell("sdreg: a test of notifications", body, document)
    if failures:
        raise NotTold(failures)
    if json:
        render.emit("sdreg.audit-notification/1", {"told": True})
    else:
        render.write("told")
