"""Carry out the audit that is due, if one is: for a timer of the system, or for a service."""

from dataclasses import dataclass, replace
from datetime import time, timedelta, tzinfo

from registry.audit.budget import Budget
from registry.audit.schedule import Decision, Schedule, decide
from registry.catalog.schedule_records import KeptSchedule
from registry.domain.audit import Ending
from registry.domain.progress import Progress
from registry.domain.spans import parse_span
from registry.operations.audit import AuditReport, AuditWish, Clockwork, alone, audit
from registry.operations.repair import RepairReport, repair
from registry.operations.rooms import Rooms

_LOOK_BACK = 50


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """What one call did.

    Attributes:
        decision: None if there is no schedule.
        report: What was checked; None if nothing was due.
        repaired: What was mended, where the schedule says so.
    """

    decision: Decision | None
    report: AuditReport | None = None
    repaired: RepairReport | None = None

    @property
    def left(self) -> int:
        """How many findings are not mended."""
        if self.report is None:
            return 0
        return len(self.report.findings if self.repaired is None else self.repaired.failed)


def run_scheduled(
    rooms: Rooms, progress: Progress, *, zone: tzinfo | None, clockwork: Clockwork
) -> ScheduledRun:
    """Check what was not looked at for the longest time first, if it is time to.

    That it began is kept before a byte is read. One that was killed over its work is gone on with
    by the next call.

    Args:
        rooms: The opened rooms.
        progress: Hears of every byte.
        zone: That of the place where the schedule's time of the day is meant; None is this
            machine's.
        clockwork: How time passes.

    Raises:
        AuditRunning: Another audit is at work.
        SdregError: As `audit` and `repair` do.
    """
    with alone(rooms):
        kept = rooms.catalog.schedules.get()
        if kept is None:
            return ScheduledRun(None)
        now, last = rooms.clock(), kept.last_began
        said = decide(plain(kept), now=now, zone=zone, made_at=kept.made_at, last_began=last)
        if said.is_due:
            rooms.catalog.schedules.keep(replace(kept, last_began=now))
        elif said.counts_from < (last or kept.made_at):
            rooms.catalog.schedules.keep(
                replace(kept, made_at=said.counts_from)
                if last is None
                else replace(kept, last_began=said.counts_from)
            )
        if not said.is_due and not _was_cut_off(rooms):
            return ScheduledRun(said)
        report = audit(rooms.catalog.installs.all(), _wish(kept), rooms, progress, clockwork)
    mended = None
    if kept.on_finding == "repair" and report.findings:
        mended = repair(report.checked, rooms, progress)
    return ScheduledRun(said, report, mended)


def _wish(kept: KeptSchedule) -> AuditWish:
    limit = parse_span(kept.time_limit) if kept.time_limit else None
    return AuditWish(
        scope="due",
        # What the run before read late in its night is due again, what it has just read is not.
        due_after=plain(kept).every / 2,
        budget=Budget(time_limit=limit),
        trigger="schedule",
    )


def _was_cut_off(rooms: Rooms) -> bool:
    """Whether the last audit of the schedule was killed over its work.

    One that had not checked a single file is not tried again: it may be what kills.
    """
    runs = rooms.catalog.audits.runs(limit=_LOOK_BACK)
    last = next((run for run in runs if run.trigger == "schedule"), None)
    return last is not None and last.checked > 0 and last.ending in {None, Ending.INTERRUPTED}


def plain(kept: KeptSchedule) -> Schedule:
    """What is kept as texts, for decisions.

    Raises:
        ValueError: `every` or `at` cannot be read, or is not whole days.
    """
    at = time.fromisoformat(kept.at)
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError(f"{kept.at!r} is no time of the day such as 03:00")
    every: timedelta = parse_span(kept.every)
    return Schedule(every, at)
