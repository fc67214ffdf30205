"""What an audit looks at, in which order, and when it has had enough."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.audit.budget import Budget, Candidate, Subset, in_order
from registry.audit.pace import Pace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGITS = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")


@given(DIGITS, st.integers(1, 400))
def test_every_file_is_in_exactly_one_part(sha256, of):
    assert sum(Subset(part, of).holds(sha256) for part in range(1, of + 1)) == 1


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1 / 3"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ValueError, match="no"):
        Subset.parse(text)


def candidate(name, *, bad=False, hours=None):
    moment = None if hours is None else NOON + timedelta(hours=hours)
    return Candidate(name, bad, moment, moment)


def names(candidates, **more):
    ordered = in_order(candidates, **{"now": NOON, "round_began_at": None} | more)
    return [each.sha256 for each in ordered]


def test_bad_ones_come_first_then_the_longest_unseen():
    several = [
        candidate("new", hours=-1),
        candidate("old", hours=-9),
        candidate("never"),
        candidate("bad", bad=True, hours=-2),
    ]
    assert names(several) == ["bad", "never", "old", "new"]


def test_a_bad_one_that_was_seen_in_this_round_comes_last():
    several = [candidate("bad", bad=True, hours=-1), candidate("good", hours=-9)]

    assert names(several, round_began_at=NOON - timedelta(hours=2)) == ["good", "bad"]
    assert names(several, round_began_at=NOON) == ["bad", "good"]


def test_a_round_of_a_wrong_clock_puts_no_bad_one_before_all_others_for_ever():
    several = [candidate("bad", bad=True, hours=-1), candidate("good", hours=-9)]

    assert names(several, round_began_at=NOON + timedelta(days=9999)) == ["good", "bad"]


def test_a_moment_to_come_counts_as_never():
    ahead = candidate("ahead", hours=5)

    assert names([candidate("old", hours=-9), ahead]) == ["ahead", "old"]
    assert ahead.is_due(NOON, timedelta(days=30))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9))
def test_no_budget_but_the_first_file_lets_a_run_read_more(read, following, most):
    allowed = Budget(max_bytes=most).allows(elapsed_s=0, read_bytes=read, next_bytes=following)

    assert allowed == (read == 0 or read + following <= most)


def test_the_time_limit_is_reached_when_it_is_over():
    budget = Budget(time_limit=timedelta(seconds=10))

    assert budget.allows(elapsed_s=9.9, read_bytes=0, next_bytes=1)
    assert not budget.allows(elapsed_s=10, read_bytes=0, next_bytes=1)


class Time:
    def __init__(self):
        self.now_s = 0.0

    def rest(self, seconds):
        self.now_s += seconds


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 0.9)), min_size=1))
def test_no_stretch_of_a_run_is_faster_than_the_rate(reads):
    """Each read takes a while of its own; what is left of its share of time is rested."""
    time = Time()
    pace = Pace(1000, lambda: time.now_s, time.rest)
    begun = True
    for count, takes_s in reads:
        time.now_s += 0.0 if begun else takes_s
        begun = False
        pace.spend(count)
    total = sum(count for count, _ in reads)

    assert total / 1000 <= time.now_s + 1e-6


def test_a_reader_that_was_held_up_does_not_make_up_for_it():
    time = Time()
    pace = Pace(1000, lambda: time.now_s, time.rest)
    pace.spend(1000)
    time.now_s += 3600
    before = time.now_s
    for _ in range(5):
        pace.spend(1000)

    assert time.now_s - before >= 4
