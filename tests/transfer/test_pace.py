"""How fast, with how many connections, and what a report hears of a new beginning."""

from registry.transfer.pace import Pace, Ramp
from registry.transfer.tally import Tally
from tests.transfer.bench import Heard


def test_without_a_limit_nobody_waits():
    waits = []

    Pace(None).spend(10**9, waits.append)

    assert waits == []


def test_several_connections_share_one_limit():
    pace, waits = Pace(1000), []

    pace.spend(500, waits.append)
    pace.spend(500, waits.append)

    assert 0.4 < waits[0] < 0.6
    assert 0.9 < waits[1] < 1.1


def steady(ramp, rate, hands):
    """What the ramp wants after two measurements of one rate."""
    ramp.consider(rate, hands)
    return ramp.consider(rate, hands)


def test_connections_are_added_while_that_pays():
    ramp = Ramp(limit=8)

    wanted = [steady(ramp, 40e6 * hands, hands) for hands in (1, 4, 8)]

    assert wanted == [4, 8, 8]


def test_connections_that_bring_nothing_more_are_not_followed_by_others():
    ramp = Ramp(limit=16)

    assert [steady(ramp, 40e6, hands) for hands in (1, 4, 4)] == [4, 4, 4]


def test_one_slow_moment_adds_no_connection():
    ramp = Ramp(limit=8)

    assert [ramp.consider(rate, 1) for rate in (30e6, 500e6, 20e6, 500e6)] == [1, 1, 1, 1]


def test_a_machine_that_is_the_limit_gets_no_more_connections():
    assert steady(Ramp(limit=8), 500e6, 1) == 1


def test_a_server_that_had_enough_gets_fewer_and_never_more():
    ramp = Ramp(limit=8)
    steady(ramp, 10e6, 1)

    ramp.back_off()

    assert ramp.wanted == 3
    assert steady(ramp, 90e6, 3) == 3


def test_a_ramp_that_is_not_there_yet_does_not_decide():
    ramp = Ramp(limit=8)
    steady(ramp, 10e6, 1)

    assert steady(ramp, 30e6, 1) == 4


def test_a_new_beginning_takes_back_what_was_counted():
    heard = Heard()
    tally = Tally(heard)

    tally.begin("model", 100, 10)
    tally.advance(40)
    tally.take_back()
    tally.begin("model", 100, 20)
    tally.advance(80)
    tally.end()
    tally.end()

    assert heard.begun == [("model", 100, 10)]
    assert 10 + heard.advanced == 100
    assert heard.ended == 1
