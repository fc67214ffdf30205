"""Carry out the audit that is due, if one is: for a timer of the system, or for a service."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time, timedelta, tzinfo

from registry.audit.schedule import Decision, Schedule, decide
from registry.catalog.schedule_records import KeptSchedule
from registry.domain.progress import Progress
from registry.domain.spans import parse_span
from registry.operations.repair import RepairReport, repair
from registry.operations.rooms import Rooms
from registry.operations.verify import VerifyReport, verify


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """What one call did.

    Attributes:
        decision: None if there is no schedule.
        reports: One for each install that was checked; none if nothing was due.
        repaired: What was mended, where the schedule says so.
        remaining: How many installs the time limit left for the next run.
    """

    decision: Decision | None
    reports: tuple[VerifyReport, ...] = ()
    repaired: RepairReport | None = None
    remaining: int = 0


def run_scheduled(
    rooms: Rooms, progress: Progress, *, zone: tzinfo | None, elapsed_s: Callable[[], float]
) -> ScheduledRun:
    """Check what was not verified for the longest time first, if it is time to.

    That it began is kept before a byte is read: a run that is killed is not begun again each hour.

    Args:
        rooms: The opened rooms.
        progress: Hears of every byte.
        zone: That of the place where the schedule's time of the day is meant; None is this
            machine's.
        elapsed_s: Seconds on a clock that nobody sets.

    Raises:
        SdregError: As `verify` and `repair` do.
    """
    kept = rooms.catalog.schedules.get()
    if kept is None:
        return ScheduledRun(None)
    now = rooms.clock()
    said = decide(plain(kept), now=now, zone=zone, made_at=kept.made_at, last_began=kept.last_began)
    if not said.is_due:
        if said.counts_from < (kept.last_began or kept.made_at):
            never_ran = kept.last_began is None
            rooms.catalog.schedules.keep(
                replace(kept, made_at=said.counts_from)
                if never_ran
                else replace(kept, last_began=said.counts_from)
            )
        return ScheduledRun(said)
    rooms.catalog.schedules.keep(replace(kept, last_began=now))
    limit_s = parse_span(kept.time_limit).total_seconds() if kept.time_limit else None
    begun_s = elapsed_s()
    verified = {stored.blob.sha256: stored.verified_at for stored in rooms.catalog.installs.blobs()}
    order = sorted(
        rooms.catalog.installs.all(),
        key=lambda each: str(verified.get(each.sha256) or ""),
    )
    reports: list[VerifyReport] = []
    for install in order:
        if limit_s is not None and elapsed_s() - begun_s > limit_s:
            break
        reports.append(verify([install], rooms, progress))
    mended = None
    if kept.on_finding == "repair" and any(report.findings for report in reports):
        bad = [item for report in reports for item in report.checked if not item.is_well]
        mended = repair(bad, rooms, progress)
    return ScheduledRun(said, tuple(reports), mended, len(order) - len(reports))


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
