"""Rows 40, 45 and 46 of the faults: certificates, addresses that swallow, heads without end."""

import contextlib
import socket
import time

import huggingface_hub
import pytest

from registry.errors import ConnectionLost, DownloadTimeout, HubUnreachable, RefusedAddress
from tests.faults.household import CIVITAI, HUGGINGFACE, KIB, MIB, Household, weights
from tests.servers.model_server import ModelServer

SMALL = weights(300 * KIB)
LARGE = weights(18 * MIB)
CLOCK = "its certificate is not valid at this time; look at this machine's clock"


def test_row_20_tls_that_is_cut_without_a_farewell_is_continued(house, secure_server):
    url = secure_server.serve("noise.safetensors", LARGE, cut_at=9 * MIB, cuts=1)

    house.installs(url, LARGE)

    assert url.startswith("https://")


def test_row_20_a_body_without_length_that_tls_cuts_is_found_out_by_the_hash(house, secure_server):
    url = secure_server.serve(
        "noise.safetensors", SMALL, ranges=False, length_said="", cut_at=100 * KIB, cuts=1
    )

    house.installs(url, SMALL)


@pytest.mark.parametrize(
    "times",
    [
        {"begins": "20200101000000Z", "ends": "20210101000000Z"},
        {"begins": "20990101000000Z", "ends": "21000101000000Z"},
    ],
)
def test_row_40_a_clock_that_is_wrong_is_told(house, authority, monkeypatch, times):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with ModelServer(tls=authority.server_side(**times)) as server:
        url = server.serve("noise.safetensors", SMALL)

        house.refuses(url, ConnectionLost, SMALL, match=CLOCK)

        assert server.requests == []


@pytest.mark.parametrize("source", [CIVITAI | {"file": ""}, HUGGINGFACE])
def test_row_40_a_clock_that_is_wrong_is_told_by_hubs_too(
    tmp_path, template, authority, monkeypatch, source
):
    huggingface_hub.close_session()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    future = authority.server_side(begins="20990101000000Z", ends="21000101000000Z")
    source = {name: value for name, value in source.items() if value}
    with ModelServer(tls=future) as server:
        house = Household(tmp_path / "late", template, civitai=server, huggingface=server)
        house.knows(SMALL, source)

        house.refuses("noise", HubUnreachable, match=CLOCK)
        house.close()


def test_row_40_a_certificate_that_nobody_trusts_is_another_matter(
    house, secure_server, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE")
    url = secure_server.serve("noise.safetensors", SMALL)

    house.refuses(url, ConnectionLost, SMALL, match="its certificate cannot be trusted")

    assert secure_server.requests == []


def test_row_40_a_certificate_for_another_host_is_told(house, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with ModelServer(tls=authority.server_side(names="DNS:portal.example")) as server:
        url = server.serve("noise.safetensors", SMALL)

        house.refuses(url, ConnectionLost, SMALL, match="its certificate is for another host")


@pytest.fixture
def black_hole():
    """An address on this machine that takes no connection and refuses none."""
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.2", 0))
        hole.listen(0)
        for _ in range(4):  # its queue is full after the first ones
            line = stack.enter_context(socket.socket())
            line.settimeout(0)
            line.connect_ex(hole.getsockname())
        time.sleep(0.05)
        yield hole.getsockname()


def resolve_to(monkeypatch, name, *addresses):
    """Let a name have these addresses, in this order."""
    resolve = socket.getaddrinfo

    def resolving(host, port, *args, **kwargs):
        if host != name:
            return resolve(host, port, *args, **kwargs)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolving)


@pytest.mark.parametrize("size", [300 * KIB, 18 * MIB])
def test_row_45_an_address_that_swallows_everything_costs_a_second(
    house, server, monkeypatch, black_hole, size
):
    content = weights(size)
    server.serve("noise.safetensors", content)
    resolve_to(monkeypatch, "two.localhost", black_hole, ("127.0.0.1", server.port))
    begun = time.monotonic()

    house.installs(
        "http://two.localhost/noise.safetensors", content, connect_timeout_s=10.0, connections=1
    )

    assert time.monotonic() - begun < 5


def test_row_45_when_every_address_swallows_it_ends_in_time(house, monkeypatch, black_hole):
    resolve_to(monkeypatch, "none.localhost", black_hole)

    house.refuses(
        "http://none.localhost/noise.safetensors",
        DownloadTimeout,
        SMALL,
        connect_timeout_s=1.5,
        attempts_without_progress=2,
    )


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"


@pytest.mark.parametrize(
    "manners",
    [
        {"raw": HEAD + b"X-Bomb: " + b"x" * MIB + b"\r\n\r\nhello"},
        {"raw": HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\nhello"},
        {"raw": b"HTTP/1.1 " + b"2" * MIB},
        {"raw": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * MIB},
        {"raw": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * MIB},
        {"raw": b"\0\1\2 no HTTP at all \xff" * 100},
        {"raw": b""},
        {"headers": {"X-Bomb": "x" * 300_000}},
    ],
    ids=["line", "lines", "status", "chunk", "trailer", "noise", "nothing", "header"],
)
def test_row_46_a_head_without_measure_is_no_answer(house, server, manners):
    url = server.serve("noise.safetensors", SMALL, **manners)

    house.refuses(url, ConnectionLost, SMALL, attempts_without_progress=2)


@pytest.mark.parametrize(
    "manners",
    [
        {"raw": HEAD + b"X-Slow: " + b"x" * 5000, "raw_rate": 50},
        {"raw": b"HTTP/1.1 103 Early Hints\r\n\r\n", "raw_for_ever": True},
    ],
    ids=["trickle", "hints"],
)
def test_row_46_a_head_without_end_is_given_up(house, server, manners):
    url = server.serve("noise.safetensors", SMALL, **manners)
    begun = time.monotonic()

    house.refuses(url, DownloadTimeout, SMALL, stall_timeout_s=0.3, attempts_without_progress=2)

    assert time.monotonic() - begun < 10


def test_row_46_a_trickling_head_behind_a_redirect_on_the_same_connection_is_given_up(
    house, server
):
    server.serve("there", SMALL, raw=HEAD + b"X-Slow: " + b"x" * 5000, raw_rate=50)
    url = server.serve("noise.safetensors", b"", redirect="/there")
    begun = time.monotonic()

    house.refuses(url, DownloadTimeout, SMALL, stall_timeout_s=0.3, attempts_without_progress=2)

    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("length", [9_000, 70_000])
def test_row_46_a_very_long_location_is_refused(house, server, length):
    url = server.serve("noise.safetensors", b"", redirect="/" + "x" * length)

    house.refuses(url, RefusedAddress, SMALL, match="too long")
