"""One fetch may behave otherwise than the downloader does, and tells what its caller needs."""

from dataclasses import replace

import pytest
from blake3 import blake3

from registry.errors import ConnectionLost, DownloadTimeout
from registry.transfer.download import Expectation
from tests.servers.model_server import Trouble
from tests.transfer.bench import download, some_bytes

MIB = 1024 * 1024
LARGE = some_bytes(18 * MIB)


def test_a_hurried_fetch_bears_less_than_the_downloader_does(server, bench):
    url = server.serve("model", LARGE, stall_at=0)
    downloader = bench.downloader(stall_timeout_s=60.0, attempts_without_progress=9)
    hurried = replace(downloader.options, stall_timeout_s=0.2, attempts_without_progress=2)

    with pytest.raises(DownloadTimeout) as caught:
        downloader.fetch(
            download(url),
            Expectation(),
            key="part",
            relocate=None,
            progress=bench.heard,
            options=hurried,
        )

    assert caught.value.waited_s == 0.2
    assert len(server.requests) == 2


def test_what_a_part_holds_is_told_by_piece(server, bench):
    url = server.serve("model", LARGE, cut_at=14 * MIB, troubles=(Trouble(500, after=1),))
    downloader = bench.downloader()
    with pytest.raises(ConnectionLost):
        # A second connection would be refused, and end it while the first one still brings bytes.
        bench.fetch(url, content=LARGE, attempts_without_progress=1, connections=1)

    held = downloader.held_pieces("part")

    assert held == {n: blake3(LARGE[n * 4 * MIB :][: 4 * MIB]).hexdigest() for n in range(3)}
    assert downloader.held_pieces("another") == {}


def test_a_file_that_was_replaced_while_it_came_is_told(server, bench):
    tags = iter(['"v1"'])
    url = server.serve("model", LARGE, cut_at=9 * MIB, cuts=1, etag=lambda _: next(tags, '"v2"'))

    assert bench.fetch(url).changed
    assert not bench.fetch(server.serve("steady", LARGE), key="steady").changed


def test_a_plain_and_fresh_fetch_asks_without_ranges_and_past_caches(server, bench):
    url = server.serve("model", LARGE)

    bench.fetch(url, content=LARGE, plain=True, fresh=True)

    (request,) = server.requests
    assert request.range is None
    assert request.headers["cache-control"] == "no-cache"


def test_fresh_ranges_are_asked_past_caches(server, bench, tmp_path):
    copy = tmp_path / "copy"
    copy.write_bytes(bytes(len(LARGE)))
    downloader = bench.downloader(fresh=True)

    downloader.fetch_ranges(
        download(server.serve("model", LARGE)),
        [(0, MIB)],
        copy,
        size_bytes=len(LARGE),
        progress=bench.heard,
    )

    assert copy.read_bytes()[:MIB] == LARGE[:MIB]
    assert server.requests[0].headers["cache-control"] == "no-cache"
