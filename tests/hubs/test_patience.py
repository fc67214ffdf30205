import pytest

from registry.hubs.patience import Patience, asked_wait_s

NOON = "Mon, 23 Nov 2026 12:00:00 GMT"
NOON_S = 1795435200.0


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "Mon, 23 Nov 2036 11:00:00 GMT"}, 24 * 60 * 60),
        ({"retry-after": "9" * 400}, 24 * 60 * 60),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"ratelimit": '"api";r=0;t=55', "ratelimit-policy": '"api";q=500;w=300'}, 55),
        ({"ratelimit": '"api";r=12;t=55'}, None),
    ],
)
def test_a_server_says_how_long_it_wants_to_be_left_alone(headers, wait_s):
    assert asked_wait_s(headers, now_s=NOON_S) == wait_s


def test_a_date_is_held_against_the_clock_of_the_server_that_wrote_it():
    headers = {"retry-after": "Mon, 23 Nov 2026 12:00:10 GMT", "date": NOON}

    assert asked_wait_s(headers, now_s=NOON_S - 86400) == 10


def test_waits_grow_and_end():
    patience = Patience(30)

    assert [patience.wait_s() for _ in range(4)] == [0.5, 1.0, 2.0, None]


def test_a_server_that_asks_for_more_than_we_have_is_given_up_at_once():
    assert Patience(30).wait_s(31) is None


def test_all_waits_together_stay_within_the_limit():
    patience = Patience(30)

    assert [patience.wait_s(20), patience.wait_s(20)] == [20, None]
