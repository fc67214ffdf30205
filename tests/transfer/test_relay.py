"""Memory that travels between threads is not overwritten while somebody reads it."""

import threading
from functools import partial

from registry.transfer.buffers import Buffers
from registry.transfer.relay import Relay


def test_every_reader_sees_every_piece_before_its_buffer_is_used_again():
    relay, buffers = Relay(readers=2), Buffers(3, 8)
    seen = [[], []]

    def read(number):
        seen[number].extend(bytes(piece) for piece in relay.listen(number))

    threads = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    pieces = [bytes([number] * (number % 8 + 1)) for number in range(200)]
    for piece in pieces:
        buffer = buffers.take()
        buffer[: len(piece)] = piece
        relay.share(buffer[: len(piece)], partial(buffers.give_back, buffer))
        relay.let_go()
    relay.close()
    for thread in threads:
        thread.join()

    assert seen == [pieces, pieces]


def test_a_piece_stays_until_the_thread_that_shared_it_is_done_with_it_too():
    relay, released = Relay(readers=1), []
    relay.share(memoryview(b"piece"), lambda: released.append("all"))
    listener = relay.listen(0)
    next(listener)
    relay.close()

    assert list(listener) == []
    assert released == []
    relay.let_go()
    assert released == ["all"]


def test_there_are_never_more_buffers_than_were_allowed():
    buffers = Buffers(2, 8)
    first, second = buffers.take(), buffers.take()
    got = []
    waiting = threading.Thread(target=lambda: got.append(buffers.take()))
    waiting.start()

    buffers.give_back(first)
    waiting.join()

    assert got[0] is first
    assert second is not first


def test_closed_buffers_let_a_waiting_thread_go():
    buffers = Buffers(1, 8)
    buffers.take()
    got = []
    waiting = threading.Thread(target=lambda: got.append(buffers.take()))
    waiting.start()

    buffers.close()
    waiting.join()

    assert got == [None]
