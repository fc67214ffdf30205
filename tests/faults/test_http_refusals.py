"""Rows 22 to 27 of the faults: servers that say no, not now, or not any more."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from registry.errors import (
    AccessDenied,
    ConnectionLost,
    GoneFromHub,
    HashMismatch,
    LoginRequired,
    RateLimited,
    RequestRefused,
    SizeMismatch,
)
from tests.faults.household import AT_CIVITAI, CIVITAI, KIB, MIB, TOKEN, weights
from tests.servers.model_server import Trouble
from tests.transfer.bench import Bench, download

SMALL = weights(300 * KIB)
LARGE = weights(18 * MIB)


def http_date(seconds_ahead):
    at = datetime.now(UTC) + timedelta(seconds=seconds_ahead)  # noqa: TID251 -- a date that a server would send now
    return format_datetime(at, usegmt=True)


def test_row_22_a_short_wait_is_waited_and_told(house, hub):
    hub.serve(AT_CIVITAI, SMALL, troubles=(Trouble(429, headers={"Retry-After": "1"}, times=1),))
    house.knows(SMALL, CIVITAI)
    begun = time.monotonic()

    house.installs("noise", SMALL, longest_wait_s=2.0)

    assert time.monotonic() - begun >= 1.0
    assert "civitai asks to slow down; waiting 1 s" in house.heard.lines


@pytest.mark.parametrize("status", [429, 503])
def test_row_22_a_server_that_never_stops_asking_is_given_up(house, hub, status):
    hub.serve(AT_CIVITAI, SMALL, troubles=(Trouble(status, headers={"Retry-After": "0"}),))
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", RateLimited)

    assert len(hub.seen(AT_CIVITAI)) == 5


def test_row_22_a_429_that_says_nothing_gets_our_own_pauses(house, server):
    url = server.serve("noise.safetensors", SMALL, troubles=(Trouble(429, times=2),))

    house.installs(url, SMALL)


def test_row_22_everything_on_a_host_pauses_that_asked_one_download_to(server, tmp_path):
    busy = Trouble(429, headers={"Retry-After": "1"}, times=1)
    first = server.serve("first", SMALL, troubles=(busy,))
    second = server.serve("second", SMALL)
    bench = Bench(tmp_path)
    downloader = bench.downloader(longest_wait_s=5.0)

    def fetch(url, key):
        return downloader.fetch(
            download(url), bench.expectation(SMALL), key=key, relocate=None, progress=bench.heard
        )

    paused = threading.Event()
    bench.heard.say = lambda message: paused.set()
    one = threading.Thread(target=fetch, args=(first, "one"))
    one.start()
    assert paused.wait(10)
    begun = time.monotonic()
    fetch(second, "two")

    assert time.monotonic() - begun > 0.5
    one.join()
    bench.close()


def test_row_22_the_storage_that_asked_is_left_alone_and_not_the_hub(house, hub, server):
    busy = Trouble(429, headers={"Retry-After": "1"}, times=1)
    hub.serve(AT_CIVITAI, b"", redirect=server.serve("signed", SMALL, troubles=(busy,)))
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL, longest_wait_s=2.0)

    assert len(server.seen("signed")) == 2


def test_row_22_one_host_gets_so_many_connections_over_all_files(server, tmp_path):
    bench = Bench(tmp_path)
    downloader = bench.downloader(connections=4, connections_per_host=4)
    urls = [server.serve(f"file-{n}", LARGE, rate=24 * MIB) for n in range(3)]
    most, seen = [], threading.Event()

    def watch():
        while not seen.wait(0.005):
            with server.lock:
                most.append(sum(served.active for served in server.files.values()))

    def fetch(url):
        downloader.fetch(
            download(url),
            bench.expectation(LARGE),
            key=url.rpartition("/")[2],
            relocate=None,
            progress=bench.heard,
        )

    threads = [threading.Thread(target=fetch, args=(url,)) for url in urls]
    watcher = threading.Thread(target=watch)
    for thread in (*threads, watcher):
        thread.start()
    for thread in threads:
        thread.join()
    seen.set()
    watcher.join()
    bench.close()

    assert 1 < max(most) <= 4
    assert all((tmp_path / f"file-{n}.part").read_bytes() == LARGE for n in range(3))


@pytest.mark.parametrize("form", ["seconds", "absurd", "date"])
def test_row_23_a_long_wait_is_clamped_told_and_left_to_the_user(house, hub, form):
    text = {"seconds": "3600", "absurd": "9" * 30, "date": http_date(3650 * 24 * 3600)}[form]
    hub.serve(AT_CIVITAI, SMALL, troubles=(Trouble(429, headers={"Retry-After": text}),))
    house.knows(SMALL, CIVITAI)

    error = house.refuses("noise", RateLimited, match="asks to slow down for")

    assert 3500 < error.wait_s <= 24 * 3600
    assert len(hub.seen(AT_CIVITAI)) == 1


@pytest.mark.parametrize(
    "text", ["Wed, 01 Jan 2020 00:00:00 GMT", "-5", "soon", "", "Thu, 99 Jan 2026 00:00:00 GMT"]
)
def test_row_23_a_wait_that_is_over_or_unreadable_is_none(house, server, text):
    busy = Trouble(429, headers={"Retry-After": text}, times=1)
    url = server.serve("noise.safetensors", SMALL, troubles=(busy,))

    house.installs(url, SMALL)


def test_row_23_a_date_is_held_against_the_servers_clock(house, server):
    dates = {"Retry-After": http_date(7200), "Date": http_date(7200)}
    url = server.serve("noise.safetensors", SMALL, troubles=(Trouble(429, b"", dates, times=1),))

    house.installs(url, SMALL)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_row_24_a_burst_of_server_errors_is_outlasted_and_its_page_not_saved(house, server, status):
    page = b"<html><title>Maintenance</title>"
    url = server.serve("noise.safetensors", SMALL, troubles=(Trouble(status, page, times=3),))

    house.installs(url, SMALL)


def test_row_24_a_burst_midway_is_outlasted(house, server):
    burst = Trouble(503, b"<html>" * 1000, after=1, times=2)
    url = server.serve("noise.safetensors", LARGE, cut_at=9 * MIB, cuts=1, troubles=(burst,))

    house.installs(url, LARGE)


def test_row_24_a_server_that_is_down_is_given_up(house, server):
    url = server.serve("noise.safetensors", SMALL, troubles=(Trouble(503, b"<html>"),))

    house.refuses(url, ConnectionLost, SMALL, match="status 503")

    assert len(server.seen("noise.safetensors")) == 4


def test_row_24_an_error_page_that_crawls_is_not_read_to_its_end(house, server):
    slow = Trouble(500, b"x" * 5000, rate=20)
    url = server.serve("noise.safetensors", SMALL, troubles=(slow,))
    begun = time.monotonic()

    house.refuses(url, ConnectionLost, SMALL, stall_timeout_s=0.3, attempts_without_progress=2)

    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, {"error": "Unauthorized"}, (LoginRequired, "logged in")),
        (401, {"message": "downloads are disabled here"}, (AccessDenied, "disabled")),
        (403, {"error": "Early Access", "deadline": "2026-12-24"}, (AccessDenied, "2026-12-24")),
        (403, {}, (AccessDenied, "forbids")),
        (410, {"error": "archived"}, (GoneFromHub, "archived")),
    ],
)
def test_row_25_a_first_no_is_told_apart_and_not_asked_again(house, hub, status, body, told):
    error, match = told
    hub.serve(AT_CIVITAI, SMALL, troubles=(Trouble(status, json.dumps(body).encode()),))
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", error, match=match)

    assert len(hub.seen(AT_CIVITAI)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_row_25_an_address_of_nobodys_hub_says_no_with_its_status(house, server, status):
    url = server.serve("noise.safetensors", SMALL, troubles=(Trouble(status),))

    error = house.refuses(url, RequestRefused, SMALL)

    assert error.status == status
    assert len(server.seen("noise.safetensors")) == 1


def test_row_25_the_token_is_sent_and_never_told(house, hub):
    echo = json.dumps({"message": f"Bearer {TOKEN} is no good"}).encode()
    hub.serve(AT_CIVITAI, SMALL, troubles=(Trouble(401, echo),))
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", LoginRequired)

    assert hub.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in " ".join(house.heard.lines)


def test_row_26_a_signed_address_that_expires_is_renewed_and_the_rest_fetched(house, hub, server):
    expired = Trouble(403, b"<Error/>", after=1, times=1)
    signed = server.serve("signed", LARGE, cut_at=9 * MIB, cuts=1, troubles=(expired,))
    hub.serve(AT_CIVITAI, b"", redirect=f"{signed}?X-Amz-Signature=cafe")
    house.knows(LARGE, CIVITAI)

    house.installs("noise", LARGE, connections=1)

    assert len(hub.seen(AT_CIVITAI)) == 2
    assert server.sent_bytes("signed") < len(LARGE) + 2 * MIB


def test_row_26_one_renewal_serves_all_connections(house, hub, server):
    content = weights(40 * MIB)
    old = server.serve("old", content, rate=20 * MIB, troubles=(Trouble(403, after=1),))
    new = server.serve("new", content)
    hub.serve(AT_CIVITAI, b"", redirect=lambda count: old if count == 1 else new)
    server.change("old", cut_at=2 * MIB)
    house.knows(content, CIVITAI)

    house.installs("noise", content, connections=4)

    assert len(hub.seen(AT_CIVITAI)) == 2


def test_row_26_an_address_that_leads_nowhere_else_is_asked_for_once_more(house, hub):
    expired = Trouble(403, after=1, times=1)
    hub.serve(AT_CIVITAI, SMALL, cut_at=100 * KIB, cuts=1, troubles=(expired,))
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL)

    assert len(hub.seen(AT_CIVITAI)) == 3


def test_row_26_a_renewal_that_does_not_help_is_not_repeated_for_ever(house, hub, server):
    dead = server.serve("dead", SMALL, troubles=(Trouble(403),))
    hub.serve(AT_CIVITAI, b"", redirect=dead)
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", AccessDenied)

    assert len(server.seen("dead")) <= 3


def test_row_27_a_renewed_address_with_another_length_is_refused(house, hub, server):
    other = weights(200 * KIB, seed=2)
    old = server.serve("old", SMALL, cut_at=100 * KIB, troubles=(Trouble(403, after=1),))
    new = server.serve("new", other, etag='"v2"')
    hub.serve(AT_CIVITAI, b"", redirect=lambda count: old if count == 1 else new)
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", SizeMismatch)


def test_row_27_a_renewed_address_with_another_file_begins_anew(house, server):
    other = weights(200 * KIB, seed=2)
    old = server.serve("old", SMALL, cut_at=100 * KIB, troubles=(Trouble(403, after=1),))
    new = server.serve("new", other, etag='"v2"')
    url = server.serve("noise.safetensors", b"", redirect=lambda count: old if count == 1 else new)

    house.installs(url, other, knowing=False)


def test_row_27_a_renewed_address_with_other_bytes_is_no_proof(house, server):
    other = weights(300 * KIB, seed=2)
    old = server.serve("old", SMALL, cut_at=100 * KIB, troubles=(Trouble(403, after=1),))
    new = server.serve("new", other)
    url = server.serve("noise.safetensors", b"", redirect=lambda count: old if count == 1 else new)

    house.refuses(url, HashMismatch, SMALL)
