"""Where redirects may lead, and what goes along."""

import socket

import httpx
import pytest

from registry.domain.hashes import Hashes
from registry.errors import RefusedAddress, UnprovenDownload
from registry.transfer.addresses import PeerCheck, check_first, follow
from tests.transfer.bench import download, some_bytes

SMALL = some_bytes(300 * 1024)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server, bench, status):
    server.serve("there", SMALL)
    url = server.serve("here", b"", redirect="/there", redirect_status=status)

    assert bench.fetch(url, content=SMALL).path.read_bytes() == SMALL


def test_row_28_a_token_goes_to_its_own_host_only(server, other_server, bench):
    server.serve("inner", b"", redirect=other_server.serve("cdn", SMALL, drop_every=100_000))
    url = server.serve("here", b"", redirect="/inner")

    bench.fetch(url, content=SMALL, token="secret")

    own = [seen.headers.get("authorization") for seen in server.requests]
    assert own == ["Bearer secret", "Bearer secret"]
    assert len(other_server.requests) > 1
    assert not any("secret" in repr(seen) for seen in other_server.requests)


def test_row_28_another_name_for_the_same_machine_is_another_host(server, bench):
    server.serve("there", SMALL)
    port = server.address.rpartition(":")[2]
    url = server.serve("here", b"", redirect=f"http://localhost:{port}/there")

    bench.fetch(url, content=SMALL, token="secret")

    assert "authorization" not in server.seen("there")[0].headers


def test_a_password_in_an_address_stays_with_its_host(server, other_server, bench):
    there = other_server.serve("there", SMALL).replace("://", "://you:theirs@")
    url = server.serve("here", b"", redirect=there).replace("://", "://me:ours@")

    bench.fetch(url, content=SMALL)

    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "authorization" not in other_server.requests[0].headers


def test_row_29_https_does_not_become_http():
    with pytest.raises(RefusedAddress, match="https:// address redirects"):
        follow(httpx.URL("https://a.example/x"), "http://a.example/x", allow_private=True)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://a.example/x",
        "data:text/plain,x",
        "gopher://a",
        "javascript:1",
    ],
)
def test_row_30_other_schemes_are_refused(server, bench, location):
    url = server.serve("here", b"", redirect=location)

    with pytest.raises(RefusedAddress, match="we do not speak"):
        bench.fetch(url)


def test_row_31_a_loop_ends_after_ten_hops(server, bench):
    url = server.serve("here", b"", redirect="/here")

    with pytest.raises(RefusedAddress, match="more than 10 times"):
        bench.fetch(url)

    assert len(server.requests) == 11


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "localhost",
        "LOCALHOST.",
        "me.localhost",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_row_32_a_public_address_does_not_lead_to_a_private_one(host):
    with pytest.raises(RefusedAddress):
        follow(httpx.URL("https://a.example/x"), f"https://{host}/x", allow_private=False)


@pytest.mark.parametrize("host", ["93.184.216.34", "a.example", "[2606:4700::1111]", "localhost.a"])
def test_a_public_address_may_lead_to_another(host):
    target = follow(httpx.URL("https://a.example/x"), f"https://{host}/y", allow_private=False)

    assert target.path == "/y"


def test_row_32_the_connected_machine_counts_not_its_name():
    class Stream:
        closed = False

        def get_extra_info(self, name):
            return ("127.0.0.1", 80)

        def close(self):
            self.closed = True

    check, stream = PeerCheck("rebound.example", allow_private=False), Stream()
    check("connection.connect_tcp.started", {"host": "rebound.example", "port": 80})

    with pytest.raises(RefusedAddress, match=r"rebound\.example \(127\.0\.0\.1\)"):
        check("connection.connect_tcp.complete", {"return_value": stream})

    assert stream.closed


def test_row_32_a_name_that_is_rebound_gets_not_one_byte(server, bench, monkeypatch):
    port = int(server.address.rpartition(":")[2])
    server.serve("model", SMALL)
    real = socket.create_connection
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda to, *rest, **more: real(("127.0.0.1", port), *rest, **more),
    )

    with pytest.raises(RefusedAddress, match=r"rebound\.example \(127\.0\.0\.1\)"):
        bench.fetch("http://rebound.example/model", content=SMALL, token="secret", trusted=False)

    assert server.requests == []


def test_the_way_to_a_proxy_is_the_proxys_business():
    class Stream:
        def get_extra_info(self, name):
            return ("127.0.0.1", 3128)

    check = PeerCheck("a.example", allow_private=False)
    check("connection.connect_tcp.started", {"host": "proxy.local", "port": 3128})

    check("connection.connect_tcp.complete", {"return_value": Stream()})


def test_row_46_a_very_long_location_is_refused(server, bench):
    url = server.serve("here", b"", redirect="/" + "x" * 9000)

    with pytest.raises(RefusedAddress, match="too long"):
        bench.fetch(url)


def test_a_private_address_that_nobody_typed_is_refused(server, bench):
    url = server.serve("model", SMALL)

    with pytest.raises(RefusedAddress, match="it is a private address"):
        bench.fetch(url, content=SMALL, trusted=False)

    assert server.requests == []


def test_plain_http_needs_a_hash():
    public = download("http://93.184.216.34/x", trusted=True)

    with pytest.raises(UnprovenDownload):
        check_first(public, can_prove=False)

    assert check_first(public, can_prove=True) is False


def test_a_private_address_that_was_typed_needs_no_hash():
    assert check_first(download("http://192.168.1.5/x"), can_prove=False) is True


@pytest.mark.parametrize("url", ["file:///x", "ftp://a/x", "x", "", "https://", "http://[::1"])
def test_what_is_no_address_of_ours_is_refused(url):
    with pytest.raises(RefusedAddress):
        check_first(download(url, trusted=False), can_prove=True)


def test_an_error_never_shows_the_signature_of_an_address():
    with pytest.raises(RefusedAddress) as caught:
        follow(
            httpx.URL("https://a.example/x"), "https://10.0.0.1/x?X-Sig=abc", allow_private=False
        )

    assert "abc" not in str(caught.value)


def test_hashes_prove_only_when_they_are_whole(server, bench):
    with pytest.raises(UnprovenDownload):
        bench.fetch("http://93.184.216.34/x", hashes=Hashes.of("crc32:12345678"), trusted=False)
