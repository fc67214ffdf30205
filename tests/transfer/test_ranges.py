"""Repair: only the asked stretches are fetched, and only they are written."""

import pytest

from registry.domain.progress import Progress
from registry.errors import ConnectionLost, NotTheFile, SizeMismatch, StoreUnwritable
from tests.servers.model_server import Trouble
from tests.transfer.bench import download, some_bytes

MIB = 1024 * 1024
GOOD = some_bytes(9 * MIB)
SIZE = len(GOOD)
RANGES = [(10, 1000), (4 * MIB, 5 * MIB), (len(GOOD) - 7, len(GOOD))]


@pytest.fixture
def damaged(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(bytes(len(GOOD)))
    return path


def mend(server, bench, path, ranges=RANGES, *, size=SIZE, **options):
    return bench.downloader(**options).fetch_ranges(
        download(server.url("model")), ranges, path, size_bytes=size, progress=bench.heard
    )


def expected(ranges=RANGES):
    wanted = bytearray(len(GOOD))
    for begin, end in ranges:
        wanted[begin:end] = GOOD[begin:end]
    return bytes(wanted)


def test_only_the_asked_stretches_are_written(server, bench, damaged):
    server.serve("model", GOOD)

    fetched = mend(server, bench, damaged, durable=True)

    assert fetched == sum(end - begin for begin, end in RANGES) == server.sent_bytes("model")
    assert damaged.read_bytes() == expected()
    assert bench.heard.advanced == fetched


def test_a_cut_stretch_is_continued(server, bench, damaged):
    server.serve("model", GOOD, drop_every=300_000)

    mend(server, bench, damaged)

    assert damaged.read_bytes() == expected()


def test_a_server_that_ignores_ranges_is_read_up_to_the_stretch(server, bench, damaged):
    server.serve("model", GOOD, ranges=False)

    fetched = mend(server, bench, damaged, [(MIB, 2 * MIB)])

    assert damaged.read_bytes() == expected([(MIB, 2 * MIB)])
    assert fetched == 2 * MIB


def test_a_file_of_another_length_is_refused_and_nothing_is_written(server, bench, damaged):
    server.serve("model", GOOD + b"x")

    with pytest.raises(SizeMismatch):
        mend(server, bench, damaged)

    assert damaged.read_bytes() == bytes(len(GOOD))


def test_a_copy_of_another_length_is_refused(server, bench, damaged):
    server.serve("model", GOOD)
    damaged.write_bytes(b"short")

    with pytest.raises(StoreUnwritable, match="length"):
        mend(server, bench, damaged)

    assert server.requests == []


@pytest.mark.parametrize("ranges", [[(5, 5)], [(-1, 5)], [(0, len(GOOD) + 1)], [(9, 3)]])
def test_a_stretch_that_cannot_be_is_a_mistake(server, bench, damaged, ranges):
    with pytest.raises(ValueError, match="no stretch"):
        mend(server, bench, damaged, ranges)


def test_several_ranges_in_one_answer_are_not_the_file(server, bench, damaged):
    server.serve("model", GOOD, multipart=True)

    with pytest.raises(NotTheFile, match="several ranges for one"):
        mend(server, bench, damaged)


def test_a_server_that_is_down_is_a_lost_connection(server, bench, damaged):
    server.serve("model", GOOD, troubles=(Trouble(502),))

    with pytest.raises(ConnectionLost):
        mend(server, bench, damaged)


def test_a_progress_that_does_nothing_will_do(server, bench, damaged):
    server.serve("model", GOOD)
    downloader = bench.downloader()
    way = download(server.url("model"))

    assert (
        downloader.fetch_ranges(way, [(0, 5)], damaged, size_bytes=len(GOOD), progress=Progress())
        == 5
    )
