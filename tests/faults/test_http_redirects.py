"""Rows 28 to 32 and 39 of the faults: where redirects, names and proxies lead, and what goes along.

Public hosts are real here: a proxy on loopback answers for them, as one at work would.
"""

import socket

import pytest

from registry.errors import (
    ConnectionLost,
    HashDisputed,
    InvalidSettings,
    NotTheFile,
    RefusedAddress,
    RequestRefused,
    UnexpectedAnswer,
)
from tests.faults.household import AT_CIVITAI, CIVITAI, HUGGINGFACE, KIB, TOKEN, weights
from tests.servers.model_server import ModelServer, Trouble
from tests.servers.proxy import TunnelProxy

SMALL = weights(300 * KIB)
PUBLIC = "http://models.example/noise.safetensors"


@pytest.fixture
def proxied(server, monkeypatch):
    """`server` stands for every public host: it is the proxy that leads there."""
    monkeypatch.setenv("HTTP_PROXY", server.address)
    resolve = socket.getaddrinfo

    def only_the_proxy_knows_names(host, *args, **kwargs):
        if str(host).endswith(".example"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name on this side of the proxy")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", only_the_proxy_knows_names)
    return server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_28_a_token_stays_with_its_host(house, hub, server, status):
    hub.serve("inner", b"", redirect=server.serve("cdn", SMALL, drop_every=100 * KIB))
    hub.serve(AT_CIVITAI, b"", redirect="/inner", redirect_status=status)
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL)

    own = {seen.headers.get("authorization") for seen in hub.requests}
    assert own == {f"Bearer {TOKEN}"}
    assert len(server.seen("cdn")) > 1
    assert not any("authorization" in seen.headers for seen in server.requests)


def test_row_28_another_name_for_the_same_machine_is_another_host(house, hub):
    hub.serve("there", SMALL)
    hub.serve(AT_CIVITAI, b"", redirect=f"http://localhost:{hub.port}/there")
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL)

    assert "authorization" not in hub.seen("there")[0].headers


def test_row_28_cookies_of_one_host_reach_nobody(house, hub, server):
    cookie = {"Set-Cookie": "session=secret; Domain=127.0.0.1"}
    there = server.serve("there", SMALL, drop_every=100 * KIB, headers=cookie)
    troubled = Trouble(302, headers={"Location": there, **cookie})
    hub.serve(AT_CIVITAI, b"", troubles=(troubled,))
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL)

    assert not any("cookie" in seen.headers for seen in (*hub.requests, *server.requests))


def test_row_28_a_token_does_not_follow_to_the_next_source(house, hub, other_server):
    hub.serve(AT_CIVITAI, SMALL, troubles=(Trouble(410),))
    other_server.serve("made-up/noise/resolve/main/noise.safetensors", SMALL)
    house.knows(SMALL, CIVITAI, HUGGINGFACE)

    house.installs("noise", SMALL)

    assert other_server.requests
    assert not any("authorization" in seen.headers for seen in other_server.requests)


def test_row_29_https_does_not_become_http(house, server, secure_server):
    plain = server.serve("noise.safetensors", SMALL)
    url = secure_server.serve("noise.safetensors", b"", redirect=plain)

    house.refuses(url, RefusedAddress, SMALL, match="an https:// address redirects to it")

    assert server.requests == []


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://models.example/x",
        "data:application/octet-stream;base64,AAAA",
        "gopher://models.example/",
        "javascript:1",
        "FILE:///etc/passwd",
        "//",
        "http://",
        "http://[::1",
        "\x00",
    ],
)
def test_row_30_other_schemes_and_no_addresses_are_refused(house, server, location):
    url = server.serve("noise.safetensors", b"", redirect=location)

    house.refuses(url, (RefusedAddress, ConnectionLost), SMALL)


def test_row_31_a_loop_ends_after_ten_hops(house, server):
    url = server.serve("noise.safetensors", b"", redirect="/noise.safetensors")

    house.refuses(url, RefusedAddress, SMALL, match="more than 10 times")

    assert len(server.requests) == 11


def test_row_31_ten_hops_are_allowed(house, server):
    for hop in range(10):
        server.serve(f"hop-{hop}", b"", redirect=f"/hop-{hop + 1}")
    server.serve("hop-10", SMALL)

    house.installs(server.url("hop-0"), SMALL)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "169.254.169.254",
        "10.0.0.7",
        "172.16.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "me.localhost",
        "[::]",
        "[2002:7f00:1::]",
        "100.64.0.1",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[fd00::1]",
    ],
)
def test_row_32_a_public_host_does_not_lead_to_a_private_one(house, proxied, host):
    with ModelServer() as private:
        private.serve("noise.safetensors", SMALL)
        target = f"http://{host}:{private.port}/noise.safetensors"
        proxied.serve("noise.safetensors", b"", redirect=target)

        house.refuses(PUBLIC, RefusedAddress, SMALL)

        assert private.requests == []
    assert len(proxied.requests) == 1


def test_row_32_a_name_that_is_rebound_to_a_private_machine_gets_not_one_byte(
    house, server, monkeypatch
):
    """The name means a public machine when it is looked at, and ours when it is connected."""
    asked = []
    resolve = socket.getaddrinfo

    def rebinding(host, port, *args, **kwargs):
        if host != "rebound.example":
            return resolve(host, port, *args, **kwargs)
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return resolve(address, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    server.serve("noise.safetensors", SMALL)
    url = f"http://rebound.example:{server.port}/noise.safetensors"

    house.refuses(url, RefusedAddress, SMALL, match=r"rebound\.example \(127\.0\.0\.1\)")

    assert len(asked) > 1
    assert server.requests == []


def test_row_32_a_private_address_that_only_a_catalog_names_is_refused(house, server):
    url = server.serve("noise.safetensors", SMALL)
    house.knows(SMALL, {"hub": "direct", "url": url})

    house.refuses("noise", RefusedAddress, match="private address")

    assert server.requests == []


def test_row_39_the_proxy_of_the_environment_is_asked_and_the_bytes_are_proven(house, proxied):
    proxied.serve("noise.safetensors", SMALL, drop_every=100 * KIB)

    house.installs(PUBLIC, SMALL)

    assert {seen.asked for seen in proxied.requests} == {PUBLIC}


def test_row_39_a_proxy_is_not_asked_for_this_machine(house, hub, proxied):
    hub.serve(AT_CIVITAI, SMALL)
    house.knows(SMALL, CIVITAI)

    house.installs("noise", SMALL)

    assert proxied.requests == []


def test_row_39_a_host_that_needs_no_proxy_is_asked_itself(house, proxied, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "models.example")
    proxied.serve("noise.safetensors", SMALL)

    house.refuses(PUBLIC, ConnectionLost, SMALL)

    assert proxied.requests == []


def test_row_39_https_goes_through_a_tunnel(house, secure_server, monkeypatch, proxied):
    secure_server.serve("noise.safetensors", SMALL, cut_at=100 * KIB, cuts=1)
    with TunnelProxy({"models.example": secure_server.port}) as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.address)
        house.installs("https://models.example/noise.safetensors", SMALL)

    assert set(tunnel.asked) == {"models.example:443"}


@pytest.mark.parametrize("status", [403, 407, 502])
def test_row_39_a_proxy_that_refuses_is_named(house, monkeypatch, proxied, status):
    with TunnelProxy({}, refuse=status) as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.address)
        url = "https://models.example/noise.safetensors"

        house.refuses(url, ConnectionLost, SMALL, match=f"the proxy says no: {status}")


def test_row_39_a_proxy_that_wants_a_password_says_so(house, proxied):
    proxied.serve("noise.safetensors", SMALL, troubles=(Trouble(407),))

    house.refuses(PUBLIC, RequestRefused, SMALL, match="407")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "gopher://127.0.0.1:70"])
def test_row_39_a_proxy_of_another_kind_is_a_setting_that_cannot_be_used(
    house, server, monkeypatch, proxy
):
    monkeypatch.setenv("ALL_PROXY", proxy)
    url = server.serve("noise.safetensors", SMALL)

    house.refuses(url, InvalidSettings, SMALL, match="names a proxy of a kind")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "gopher://127.0.0.1:70"])
@pytest.mark.parametrize("source", [HUGGINGFACE, {"hub": "civitai", "version": "902"}])
def test_row_39_such_a_proxy_is_told_by_every_hub(house, monkeypatch, source, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    house.knows(SMALL, source)

    house.refuses("noise", InvalidSettings, match="names a proxy of a kind")


def test_row_39_a_portal_that_redirects_to_its_login_is_not_the_file(house, proxied):
    portal = "http://portal.example/login?back=models.example"
    proxied.serve("noise.safetensors", b"", redirect=portal)

    house.refuses(PUBLIC, NotTheFile, SMALL, match="a login page")


def test_row_39_a_portal_that_answers_itself_is_not_the_file(house, proxied):
    page = b"<!DOCTYPE html><title>Welcome to our Wi-Fi</title>" + b" " * 4096
    proxied.serve("noise.safetensors", page, content_type="text/html")

    house.refuses(PUBLIC, NotTheFile, SMALL, match="a web page: “Welcome to our Wi-Fi”")


def test_row_39_a_portal_that_pretends_well_fails_at_the_hash(house, proxied):
    proxied.serve("noise.safetensors", weights(300 * KIB, seed=9))

    house.refuses(PUBLIC, HashDisputed, SMALL)


def test_row_39_a_portal_in_front_of_a_hub_is_told(house, hub):
    hub.serve("api/v1/model-versions/902", b"<html><title>Welcome to our Wi-Fi</title>")
    house.knows(SMALL, {"hub": "civitai", "version": "902"})

    error = house.refuses("noise", UnexpectedAnswer, match="Welcome to our Wi-Fi")

    assert "proxy" in error.hint
