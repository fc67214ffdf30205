"""How fast, with how many connections, and what a report hears of a new beginning."""

import threading

from registry.transfer.pace import Pace, Ramp
from registry.transfer.relay import Relay
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


def test_connections_are_added_while_that_pays():
    ramp = Ramp(limit=8)

    wanted = [ramp.consider(40e6 * hands, hands) for hands in (1, 2, 4, 8)]

    assert wanted == [2, 4, 8, 8]


def test_a_machine_that_is_the_limit_gets_no_more_connections():
    assert Ramp(limit=8).consider(500e6, 1) == 1


def test_a_server_that_had_enough_gets_fewer_and_never_more():
    ramp = Ramp(limit=8)
    ramp.consider(10e6, 1)
    ramp.consider(20e6, 2)

    ramp.back_off()

    assert ramp.wanted == 3
    assert ramp.consider(90e6, 3) == 3


def test_a_ramp_that_is_not_there_yet_does_not_decide():
    ramp = Ramp(limit=8)
    ramp.consider(10e6, 1)

    assert ramp.consider(11e6, 1) == 2


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


def test_every_reader_sees_every_piece_before_its_buffer_is_used_again():
    relay = Relay(8, readers=2)
    seen = [[], []]

    def read(number):
        seen[number].extend(bytes(piece) for piece in relay.listen(number))

    threads = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    pieces = [bytes([number] * (number % 8 + 1)) for number in range(200)]
    for piece in pieces:
        buffer = relay.buffer()[: len(piece)]
        buffer[:] = piece
        relay.share(buffer)
    relay.close()
    for thread in threads:
        thread.join()

    assert seen == [pieces, pieces]


def test_a_closed_relay_lets_a_waiting_writer_go():
    relay = Relay(8, readers=1)
    for _ in range(3):
        relay.share(relay.buffer())

    threading.Timer(0.05, relay.close).start()

    assert relay.buffer() is None
