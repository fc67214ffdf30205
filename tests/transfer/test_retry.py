"""How long we wait, and when we stop."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.transfer.retry import Patience, answered_at, told_wait, wait_after_loss, wait_as_told

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CALM = Patience(attempts=5, first_wait_s=1.0, longest_wait_s=6.0)


def test_pauses_double_up_to_the_longest_and_then_we_stop():
    waits = [wait_after_loss(CALM, losses, jitter=1.0) for losses in range(1, 6)]

    assert waits == [1.0, 2.0, 4.0, 6.0, None]


@given(losses=st.integers(1, 10**6), jitter=st.floats(0, 1))
def test_a_pause_is_never_longer_than_allowed(losses, jitter):
    endless = Patience(attempts=10**9, first_wait_s=0.5, longest_wait_s=6.0)

    assert 0.25 <= wait_after_loss(endless, losses, jitter=jitter) <= 6.0


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2036 00:00:00 GMT", 86400.0),
        ("99999999999999999999999999", 86400.0),
        ("-5", None),
        ("1.5", 1.5),
        ("9" * 5000, 86400.0),
        ("Thursday, 01-Jan-26 12:00:30 GMT", 30.0),
        ("Thu Jan  1 12:00:30 2026", 30.0),
        ("Thu, 01 Jan 2026 13:00:30 +0100", 30.0),
        ("٣", None),
        ("later", None),
        ("", None),
        ("Thu, 99 Jan 2026 12:00:30 GMT", None),
        (None, None),
    ],
)
def test_a_wish_to_wait_is_read_in_every_form(text, wait_s):
    assert told_wait(text, now=NOON) == wait_s


def test_the_servers_own_clock_is_read_where_it_tells_it():
    assert answered_at("Thu, 01 Jan 2026 12:00:00 GMT") == NOON
    assert answered_at(None) is None
    assert answered_at("yesterday") is None


def test_we_wait_as_told_and_a_little_more():
    wait_s = wait_as_told(5.0, CALM, 1, jitter=0.5)

    assert 5.0 < wait_s < 6.0


def test_who_asks_for_more_than_we_wait_is_not_waited_for():
    assert wait_as_told(7.0, CALM, 1, jitter=0.0) is None


def test_who_asks_too_often_is_not_waited_for():
    assert wait_as_told(1.0, CALM, 6, jitter=0.0) is None


def test_who_does_not_say_how_long_gets_longer_pauses():
    waits = [wait_as_told(None, CALM, times, jitter=0.0) for times in (1, 2, 3)]

    assert waits == [1.0, 2.0, 4.0]
