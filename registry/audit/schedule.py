"""Is an audit due? Pure: moments in, a decision out.

Days are counted in the calendar of the place, so that a run that starts a few seconds late does not
push the next one to another day, and a change to summer time is no special case. A clock that was
wrong is met by counting anew from now: an audit is then late by one interval at most, never run
twice and never forgotten.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often, and at which time of the day.

    Attributes:
        every: Whole days, at least one.
        at: Local time of the day.

    Raises:
        ValueError: `every` is not whole days.
    """

    every: timedelta
    at: time

    def __post_init__(self) -> None:
        if self.every < _DAY or self.every % _DAY:
            raise ValueError("an audit is scheduled every so many whole days")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to run now.

    Attributes:
        counts_from: What the days are counted from by the next decision; to be kept where it
            differs from what was given.
        next_at: When it is due, in UTC; not after now if it is due.
    """

    is_due: bool
    counts_from: datetime
    next_at: datetime


def decide(
    schedule: Schedule,
    *,
    now: datetime,
    zone: tzinfo | None,
    made_at: datetime,
    last_began: datetime | None,
) -> Decision:
    """Say whether an audit is due.

    Args:
        schedule: What the user wants.
        now: Aware.
        zone: That of the place where `schedule.at` is meant; None is this machine's.
        made_at: Aware; when the schedule was made: the first run is at the first `at` after it.
        last_began: Aware; when the last scheduled run began, whether or not it came to its end.

    Example:
        >>> monthly = Schedule(timedelta(days=30), time(3))
        >>> made = datetime(2026, 1, 1, tzinfo=UTC)
        >>> decide(monthly, now=made, zone=UTC, made_at=made, last_began=None).next_at.isoformat()
        '2026-01-01T03:00:00+00:00'
    """
    origin = last_began if last_began is not None else made_at
    # One after now: the clock is wrong, or it was when this was written.
    origin = min(origin, now).astimezone(UTC)
    if last_began is not None:
        next_at = _at(schedule, origin, zone, days=schedule.every.days)
    else:
        next_at = _at(schedule, origin, zone, days=0)
        if next_at < origin:
            next_at = _at(schedule, origin, zone, days=1)
    return Decision(next_at <= now, origin, next_at)


def _at(schedule: Schedule, origin: datetime, zone: tzinfo | None, *, days: int) -> datetime:
    """The time of the day, so many calendar days after the origin's; in a gap, just after it."""
    day = origin.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, schedule.at, zone).astimezone(UTC)
