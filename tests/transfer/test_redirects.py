"""Where redirects may lead, and what goes along."""

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


def test_a_password_in_an_address_stays_with_its_host(server, other_server, bench):
    there = other_server.serve("there", SMALL).replace("://", "://you:theirs@")
    url = server.serve("here", b"", redirect=there).replace("://", "://me:ours@")

    bench.fetch(url, content=SMALL)

    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "authorization" not in other_server.requests[0].headers


@pytest.mark.parametrize("host", ["93.184.216.34", "a.example", "[2606:4700::1111]", "localhost.a"])
def test_a_public_address_may_lead_to_another(host):
    target = follow(httpx.URL("https://a.example/x"), f"https://{host}/y", allow_private=False)

    assert target.path == "/y"


def test_the_way_to_a_proxy_is_the_proxys_business():
    class Stream:
        def get_extra_info(self, name):
            return ("127.0.0.1", 3128)

    check = PeerCheck("a.example", allow_private=False)
    check("connection.connect_tcp.started", {"host": "proxy.local", "port": 3128})

    check("connection.connect_tcp.complete", {"return_value": Stream()})


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
