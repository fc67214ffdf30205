"""When an audit is due: over years of calls, wrong clocks, and summer time."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.audit.schedule import Schedule, decide

ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")]
MOMENTS = st.integers(0, 15 * 365 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
SCHEDULES = st.builds(
    Schedule,
    st.integers(1, 90).map(lambda days: timedelta(days=days)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)


def runs(schedule, zone, made_at, ticks):
    """When it ran, asked at each tick; what the decision says is kept as the caller must."""
    last, began = None, []
    for now in ticks:
        said = decide(schedule, now=now, zone=zone, made_at=made_at, last_began=last)
        if said.is_due:
            last = now
            began.append(now)
        elif last is None:
            made_at = said.counts_from
        else:
            last = said.counts_from
    return began


@given(SCHEDULES, st.sampled_from(ZONES), MOMENTS)
def test_asked_every_hour_it_runs_once_an_interval_within_the_hour(schedule, zone, made_at):
    ticks = [made_at + timedelta(hours=n) for n in range(24 * 200)]

    began = runs(schedule, zone, made_at, ticks)

    days = [moment.astimezone(zone).date() for moment in began]
    assert began[0] - made_at <= timedelta(hours=26)
    # Late by an hour at most, and so on the next day at most.
    for one, other in pairwise(days):
        assert schedule.every <= other - one <= schedule.every + timedelta(days=1)


@given(SCHEDULES, st.sampled_from(ZONES), MOMENTS, st.integers(1, 4000))
def test_a_missed_run_is_caught_up_once(schedule, zone, made_at, days_off):
    back = made_at + schedule.every + timedelta(days=days_off + 2)

    began = runs(schedule, zone, made_at, [back, back + timedelta(minutes=1)])

    assert began == [back]


@given(SCHEDULES, st.sampled_from(ZONES), MOMENTS, st.timedeltas(timedelta(0), timedelta(3650)))
def test_a_clock_that_goes_back_runs_nothing_twice_and_forgets_nothing(
    schedule, zone, ran, back_by
):
    now = ran - back_by
    later = now + schedule.every + timedelta(days=1)

    assert runs_after(schedule, zone, ran, [now, now + timedelta(minutes=1)]) == []
    assert runs_after(schedule, zone, ran, [now, later]) == [later]


@given(SCHEDULES, st.sampled_from(ZONES), MOMENTS, st.timedeltas(timedelta(1), timedelta(3650)))
def test_a_clock_that_leaps_ahead_and_back_runs_once(schedule, zone, ran, leap):
    ahead = ran + leap

    began = runs_after(schedule, zone, ran, [ahead, ran, ran + timedelta(minutes=1)])

    assert began in ([], [ahead])


def runs_after(schedule, zone, ran, ticks):
    last, began = ran, []
    for now in ticks:
        said = decide(schedule, now=now, zone=zone, made_at=ran, last_began=last)
        last = now if said.is_due else said.counts_from
        began += [now] * said.is_due
    return began


@pytest.mark.parametrize(
    ("at", "last", "next_at"),
    [
        # There is no 02:30 on 29 March 2026 in Berlin: just after the gap.
        (time(2, 30), datetime(2026, 3, 28, 1, 30, tzinfo=UTC), "2026-03-29T03:30:00+02:00"),
        # There are two on 25 October: the first.
        (time(2, 30), datetime(2026, 10, 24, 0, 30, tzinfo=UTC), "2026-10-25T02:30:00+02:00"),
    ],
)
def test_summer_time_neither_skips_nor_doubles_a_run(at, last, next_at):
    berlin = ZoneInfo("Europe/Berlin")
    daily = Schedule(timedelta(days=1), at)

    said = decide(daily, now=last, zone=berlin, made_at=last, last_began=last)

    assert said.next_at.astimezone(berlin).isoformat() == next_at


@pytest.mark.parametrize("every", [timedelta(0), timedelta(hours=12), timedelta(days=1, hours=1)])
def test_less_than_whole_days_is_refused(every):
    with pytest.raises(ValueError, match="whole days"):
        Schedule(every, time(3))
