"""One stretch of a file is read where it lies, and next to nothing else travels."""

import pytest

from registry.errors import (
    ConnectionLost,
    GoneFromHub,
    RefusedAddress,
    RemoteChanged,
    UnexpectedAnswer,
    UnprovenDownload,
)
from tests.servers.model_server import Trouble
from tests.transfer.bench import download, some_bytes

MIB = 1024 * 1024
CONTENT = some_bytes(20 * MIB)
SIZE = len(CONTENT)


def peek(server, bench, begin, end, **options):
    size_bytes = options.pop("size_bytes", None)
    return bench.downloader(**options).read_range(
        download(server.url("model")), begin, end, size_bytes=size_bytes
    )


@pytest.mark.parametrize(
    ("begin", "end"), [(0, 4096), (5 * MIB, 5 * MIB + 7), (SIZE - 100, SIZE), (SIZE - 9, SIZE + 9)]
)
def test_only_the_stretch_travels(server, bench, begin, end):
    server.serve("model", CONTENT)
    seen = peek(server, bench, begin, end)

    assert seen.content == CONTENT[begin:end]
    assert seen.size_bytes == SIZE
    assert server.sent_bytes("model") == min(end, SIZE) - begin


def test_a_file_shorter_than_the_stretch_is_read_whole(server, bench):
    server.serve("model", b"short")

    assert peek(server, bench, 0, 4096).content == b"short"


def test_there_is_nothing_behind_the_end_and_nothing_in_an_empty_file(server, bench):
    server.serve("model", b"short")
    assert (peek(server, bench, 5, 10).content, peek(server, bench, 90, 99).content) == (b"", b"")

    server.change("model", b"")
    assert peek(server, bench, 0, 10).size_bytes == 0


def test_a_server_that_ignores_ranges_is_read_up_to_the_stretch(server, bench):
    server.serve("model", CONTENT, ranges=False)

    seen = peek(server, bench, MIB, MIB + 100)

    assert seen.content == CONTENT[MIB : MIB + 100]


def test_a_server_that_ignores_ranges_is_not_read_for_ever(server, bench):
    server.serve("model", CONTENT, ranges=False)

    with pytest.raises(UnexpectedAnswer, match="ignores ranges"):
        peek(server, bench, 17 * MIB, 17 * MIB + 100)
    assert server.sent_bytes("model") < 17 * MIB


def test_a_length_that_nobody_tells_is_not_known(server, bench):
    server.serve("model", b"some bytes", ranges=False, chunked=True)
    seen = peek(server, bench, 0, 4096)

    assert (seen.content, seen.size_bytes) == (b"some bytes", None)


def test_a_connection_that_breaks_is_tried_again(server, bench):
    server.serve("model", CONTENT, cut_at=100, cuts=2)

    assert peek(server, bench, 0, 4096).content == CONTENT[:4096]


def test_a_connection_that_always_breaks_is_given_up(server, bench):
    server.serve("model", CONTENT, cut_at=100)

    with pytest.raises(ConnectionLost):
        peek(server, bench, 0, 4096)


@pytest.mark.parametrize(
    "manners", [{"begin_shift": 3}, {"multipart": True}], ids=["another range", "several"]
)
def test_an_answer_to_another_question_is_not_believed(server, bench, manners):
    server.serve("model", CONTENT, **manners)

    with pytest.raises(UnexpectedAnswer):
        peek(server, bench, 10, 100)


def test_a_file_that_changed_between_two_stretches_is_found(server, bench):
    server.serve("model", CONTENT)

    with pytest.raises(RemoteChanged):
        peek(server, bench, 10, 100, size_bytes=SIZE - 1)


def test_a_refusal_is_told(server, bench):
    server.serve("model", CONTENT, troubles=(Trouble(404),))

    with pytest.raises(GoneFromHub):
        peek(server, bench, 0, 100)


def test_a_private_address_is_peeked_at_only_where_it_was_typed(server, bench):
    server.serve("model", CONTENT)
    strange = download(server.url("model"), trusted=False)

    with pytest.raises((RefusedAddress, UnprovenDownload)):
        bench.downloader().read_range(strange, 0, 10)
    assert server.requests == []
