"""Rows 11 to 21 and 41 of the faults: bodies that are cut, slow, or of another length than said."""

import time

import pytest

from registry.errors import (
    ConnectionLost,
    DownloadTimeout,
    FormatError,
    HashDisputed,
    HashMismatch,
    NotEnoughSpace,
    NotTheFile,
    SizeMismatch,
)
from tests.faults.household import AT_CIVITAI, CIVITAI, KIB, MIB, weights
from tests.servers.model_server import Trouble

SMALL = weights(300 * KIB)
LARGE = weights(18 * MIB)
HUGE = 10**18


def test_row_11_a_cut_body_is_continued(house, server):
    url = server.serve("noise.safetensors", LARGE, cut_at=10 * MIB, cuts=1)

    house.installs(url, LARGE)

    assert server.sent_bytes("noise.safetensors") <= len(LARGE) + 2 * MIB


def test_row_12_a_server_that_drops_every_few_bytes_is_outlasted(house, server):
    url = server.serve("noise.safetensors", SMALL, drop_every=16 * KIB)

    house.installs(url, SMALL, attempts_without_progress=2)

    assert len(server.seen("noise.safetensors")) == 19


def test_row_13_a_short_length_is_no_match_for_the_catalogs(house, hub):
    hub.serve(AT_CIVITAI, SMALL, ranges=False, length_said=1000)
    house.knows(SMALL, CIVITAI)

    error = house.refuses("noise", SizeMismatch)

    assert (error.expected_bytes, error.got_bytes) == (len(SMALL), 1000)


def test_row_13_a_short_length_is_found_out_by_the_hash(house, server):
    url = server.serve("noise.safetensors", SMALL, ranges=False, length_said=1000)

    house.refuses(url, HashMismatch, SMALL)


def test_row_13_a_short_length_of_what_nobody_knows_is_found_out_by_the_format(house, server):
    url = server.serve("noise.safetensors", SMALL, ranges=False, length_said=1000)

    house.refuses(url, FormatError)


@pytest.mark.parametrize("said", ["-5", "0", "12, 13", "abc", "9" * 30, ("5", "7")])
def test_row_14_an_absurd_length_ends_in_an_error(house, server, said):
    manners = {"headers": {"Content-Length": said}} if isinstance(said, tuple) else {}
    url = server.serve(
        "noise.safetensors",
        SMALL,
        ranges=False,
        length_said="" if manners else said,
        **manners,
    )

    house.refuses(url, (ConnectionLost, SizeMismatch, NotTheFile, HashMismatch), SMALL)


@pytest.mark.parametrize("known", [True, False])
def test_row_14_a_gigantic_length_is_refused_before_anything_is_written(house, server, known):
    url = server.serve("noise.safetensors", SMALL, ranges=False, length_said=HUGE)

    error = house.refuses(url, NotEnoughSpace, SMALL if known else None)

    assert error.needed_bytes >= HUGE
    assert not list((house.home / "partial").glob("*.part"))


def test_row_14_a_gigantic_total_of_a_range_is_refused_too(house, server):
    url = server.serve("noise.safetensors", SMALL, total_said=HUGE)

    house.refuses(url, NotEnoughSpace, SMALL)


@pytest.mark.parametrize("knowing", [True, False])
def test_row_15_chunks_without_a_length_arrive_in_one_stream(house, server, knowing):
    url = server.serve("noise.safetensors", LARGE, chunked=True, ranges=False)

    house.installs(url, LARGE, knowing=knowing)

    assert len(server.seen("noise.safetensors")) == 1


def test_row_15_chunks_that_are_longer_than_promised_are_refused(house, hub):
    hub.serve(AT_CIVITAI, SMALL + b"more", chunked=True, ranges=False)
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", SizeMismatch)


def test_row_16_chunks_that_are_cut_are_not_a_file(house, server):
    url = server.serve(
        "noise.safetensors", SMALL, chunked=True, ranges=False, cut_at=len(SMALL) - 1
    )

    house.refuses(url, ConnectionLost)


def test_row_16_chunks_that_were_cut_once_are_fetched_again(house, server):
    url = server.serve(
        "noise.safetensors", SMALL, chunked=True, ranges=False, cut_at=100 * KIB, cuts=1
    )

    house.installs(url, SMALL, knowing=False)


@pytest.mark.parametrize("http10", [True, False])
def test_row_17_a_body_that_ends_with_the_connection_arrives(house, server, http10):
    url = server.serve("noise.safetensors", SMALL, ranges=False, length_said="", http10=http10)

    house.installs(url, SMALL)


def test_row_17_a_cut_of_such_a_body_is_found_out_by_the_promised_size(house, hub):
    hub.serve(AT_CIVITAI, SMALL, ranges=False, length_said="", cut_at=100 * KIB, cuts=1)
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL)


def test_row_17_a_cut_of_such_a_body_is_found_out_by_the_hash(house, server):
    url = server.serve(
        "noise.safetensors", SMALL, ranges=False, length_said="", cut_at=100 * KIB, cuts=1
    )

    house.installs(url, SMALL)


def test_row_17_a_cut_of_such_a_body_is_found_out_by_the_format(house, server):
    url = server.serve("noise.safetensors", SMALL, ranges=False, length_said="", cut_at=100 * KIB)

    house.refuses(url, FormatError)


def test_row_18_a_stalled_connection_is_replaced(house, server):
    url = server.serve("noise.safetensors", LARGE, stall_at=9 * MIB, stalls=1)

    house.installs(url, LARGE, stall_timeout_s=0.3)


def test_row_18_a_server_that_only_stalls_ends_in_a_timeout(house, server):
    url = server.serve("noise.safetensors", SMALL, stall_at=0)

    house.refuses(url, DownloadTimeout, SMALL, stall_timeout_s=0.1, attempts_without_progress=2)


def test_row_19_a_crawling_connection_is_given_up(house, server):
    url = server.serve("noise.safetensors", LARGE, rate=20 * KIB)

    house.refuses(
        url,
        DownloadTimeout,
        LARGE,
        stall_timeout_s=0.3,
        lowest_bytes_per_s=MIB,
        attempts_without_progress=2,
    )


def test_row_19_the_range_of_a_crawling_connection_is_taken_over(house, server):
    script = [{"rate": 20 * KIB}, {}]
    url = server.serve("noise.safetensors", LARGE, script=script)

    house.installs(url, LARGE, stall_timeout_s=0.5, lowest_bytes_per_s=MIB)


def test_row_19_a_body_that_crawls_from_its_first_byte_on_is_given_up(house, server):
    url = server.serve("noise.safetensors", SMALL, troubles=(Trouble(200, b"x" * 5000, rate=20),))
    begun = time.monotonic()

    house.refuses(url, DownloadTimeout, SMALL, stall_timeout_s=0.5, attempts_without_progress=2)

    assert time.monotonic() - begun < 10


def test_row_20_a_reset_connection_is_continued(house, server):
    url = server.serve("noise.safetensors", LARGE, cut_at=5 * MIB, cuts=1, reset=True)

    house.installs(url, LARGE)

    assert server.sent_bytes("noise.safetensors") < len(LARGE) + 5 * MIB


def leave_a_part(house, server, **manners):
    """Let an install fetch the first half of LARGE and then lose the server."""
    url = server.serve(
        "noise.safetensors", LARGE, cut_at=9 * MIB, troubles=(Trouble(500, after=1),), **manners
    )
    house.refuses(url, ConnectionLost, LARGE, attempts_without_progress=2)
    server.change("noise.safetensors", troubles=(), cut_at=None)
    return url


def test_row_21_a_part_that_is_whole_needs_no_request(house, server, monkeypatch):
    url = server.serve("noise.safetensors", LARGE)
    registry = house.registry()
    plan = registry.plan_install(url, sha256=house.promise(LARGE))

    class Killed(BaseException):
        """The process ends here."""

    def die(*args, **more):
        raise Killed

    monkeypatch.setattr(type(registry.rooms.store), "adopt", die)
    with pytest.raises(Killed):
        registry.install(plan)
    monkeypatch.undo()
    before = len(server.requests)

    house.installs(url, LARGE)

    assert len(server.requests) == before


def test_row_21_an_end_that_lies_before_our_part_is_another_file(house, server):
    url = leave_a_part(house, server)
    shorter = weights(4 * MIB)
    server.change("noise.safetensors", shorter)

    house.refuses(url, HashDisputed, LARGE)
    server.change("noise.safetensors", LARGE)
    house.installs(url, LARGE)


def test_row_41_an_old_server_does(house, server):
    url = server.serve("noise.safetensors", LARGE, http10=True, ranges=False)

    house.installs(url, LARGE)


def test_row_41_an_old_server_that_knows_ranges_does_too(house, server):
    url = server.serve("noise.safetensors", LARGE, http10=True, cut_at=9 * MIB, cuts=1)

    house.installs(url, LARGE)
