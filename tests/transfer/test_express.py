"""Whole pieces of one connection: past the cache, hashed from memory, and never torn."""

import errno
import os

import pytest

from registry.transfer import partial as partial_module
from tests.transfer.bench import some_bytes

MIB = 1024 * 1024
PIECE = 4 * MIB
# Whole pieces, and a tail that no disk block divides.
LARGE = some_bytes(5 * PIECE + 12_345)


@pytest.fixture
def read_backs(monkeypatch):
    """Offsets that somebody read from the part file."""
    offsets = []
    preadv = os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda file, buffers, at: (offsets.append(at), preadv(file, buffers, at))[1]
    )
    return offsets


def test_a_single_connection_is_hashed_without_reading_the_file_again(server, bench, read_backs):
    url = server.serve("model", LARGE)

    fetched = bench.fetch(url, content=LARGE, connections=1)

    assert fetched.path.read_bytes() == LARGE
    assert read_backs == []


def test_several_connections_read_back_what_came_out_of_order(server, bench):
    url = server.serve("model", LARGE)

    fetched = bench.fetch(url, content=LARGE, connections=8, single_below_bytes=0)

    assert fetched.path.read_bytes() == LARGE


@pytest.mark.parametrize("cut_at", [1, PIECE - 1, PIECE, 2 * PIECE + 17, 5 * PIECE + 1])
def test_a_piece_that_the_connection_tears_is_continued_where_it_was(server, bench, cut_at):
    url = server.serve("model", LARGE, cut_at=cut_at, cuts=1)

    fetched = bench.fetch(url, content=LARGE, connections=1)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE)


def test_a_file_system_without_such_writes_gets_ordinary_ones(server, bench, monkeypatch):
    url = server.serve("model", LARGE)
    opened = os.open

    def refuse(path, flags, *rest, **more):
        if flags & getattr(os, "O_DIRECT", 0):
            raise OSError(errno.EINVAL, "no writes past the cache here")
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)

    fetched = bench.fetch(url, content=LARGE, connections=1)

    assert fetched.path.read_bytes() == LARGE


def test_a_write_past_the_cache_that_is_refused_is_made_the_ordinary_way(
    server, bench, monkeypatch
):
    url = server.serve("model", LARGE)
    descriptors = set()
    open_past_cache, pwrite = partial_module._open_past_cache, os.pwrite

    def remember(file):
        descriptors.add(open_past_cache(file))
        return max(descriptors)

    def refuse(file, data, at):
        if file in descriptors:
            raise OSError(errno.EINVAL, "not so aligned")
        return pwrite(file, data, at)

    monkeypatch.setattr(partial_module, "_open_past_cache", remember)
    monkeypatch.setattr(os, "pwrite", refuse)

    fetched = bench.fetch(url, content=LARGE, connections=1)

    assert fetched.path.read_bytes() == LARGE
    assert descriptors
