"""What hubs answer instead of a file, and what we make of it."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from registry.domain.strangers_text import one_line
from registry.errors import (
    AccessDenied,
    GoneFromHub,
    LoginRequired,
    NotTheFile,
    RateLimited,
    RequestRefused,
)
from registry.transfer.answers import not_the_file
from tests.servers.model_server import Trouble
from tests.transfer.bench import download, some_bytes

SMALL = some_bytes(300 * 1024)
DISABLED = "The creator of this asset has disabled downloads on this file"


def refused(server, bench, status, body=None, headers=None, *, hub="civitai"):
    trouble = Trouble(status, json.dumps(body).encode() if body else b"", headers or {})
    url = server.serve("model", SMALL, troubles=(trouble,))
    bench.fetch(url, content=SMALL, hub=hub, name="anything.safetensors")


def test_row_25_a_hub_that_wants_a_login_is_not_asked_again(server, bench):
    with pytest.raises(LoginRequired) as caught:
        refused(server, bench, 401, {"error": "Unauthorized", "message": "log in"})

    assert (caught.value.hub, caught.value.what) == ("civitai", "anything.safetensors")
    assert len(server.seen("model")) == 1


def test_disabled_downloads_are_not_a_missing_login(server, bench):
    with pytest.raises(AccessDenied, match="disabled downloads on this file"):
        refused(server, bench, 401, {"error": "Unauthorized", "message": DISABLED})


def test_early_access_names_its_end(server, bench):
    body = {"error": "Early Access", "deadline": "2026-12-24T00:00:00Z", "message": "Buzz!"}

    with pytest.raises(AccessDenied, match="early access until 2026-12-24"):
        refused(server, bench, 403, body)


def test_a_gated_repository_says_where_to_accept_its_conditions(server, bench):
    with pytest.raises(AccessDenied) as caught:
        refused(server, bench, 403, headers={"X-Error-Code": "GatedRepo"}, hub="huggingface")

    assert "https://huggingface.co/66" in caught.value.hint


def test_a_gated_repository_without_a_token_wants_a_login(server, bench):
    with pytest.raises(LoginRequired):
        refused(server, bench, 401, headers={"X-Error-Code": "GatedRepo"}, hub="huggingface")


def test_a_disabled_repository_says_so(server, bench):
    told = "Access to this resource is disabled."

    with pytest.raises(AccessDenied, match=told):
        refused(server, bench, 403, headers={"X-Error-Message": told}, hub="huggingface")


@pytest.mark.parametrize(("status", "requests"), [(404, 2), (410, 1)])
def test_what_is_gone_from_civitai_is_gone_though_a_404_is_asked_twice(
    server, bench, status, requests
):
    with pytest.raises(GoneFromHub, match="Model archived"):
        refused(server, bench, status, {"error": "Model archived, not available"})

    assert len(server.seen("model")) == requests


def test_a_hiccup_of_civitais_storage_is_outlasted(server, bench):
    url = server.serve("model", SMALL, troubles=(Trouble(404, times=1),))

    assert bench.fetch(url, content=SMALL, hub="civitai").size_bytes == len(SMALL)


def test_an_address_of_nobodys_hub_is_gone_from_its_host(server, bench):
    with pytest.raises(GoneFromHub) as caught:
        refused(server, bench, 404, hub="direct")

    assert caught.value.hub == "127.0.0.1"


@pytest.mark.parametrize("status", [401, 403])
def test_an_address_of_nobodys_hub_has_no_login_of_ours(server, bench, status):
    with pytest.raises(RequestRefused) as caught:
        refused(server, bench, status, hub="direct")

    assert caught.value.status == status


@pytest.mark.parametrize("status", [400, 405, 451, 204])
def test_any_other_status_is_named(server, bench, status):
    with pytest.raises(RequestRefused, match=str(status)):
        refused(server, bench, status)


def test_row_22_a_short_wait_is_waited_and_reported(server, bench):
    trouble = Trouble(429, headers={"Retry-After": "0"}, times=2)
    url = server.serve("model", SMALL, troubles=(trouble,))

    assert bench.fetch(url, content=SMALL, hub="civitai").size_bytes == len(SMALL)
    assert any("civitai asks to slow down" in line for line in bench.heard.lines)


def test_row_22_a_hub_that_never_stops_asking_is_given_up(server, bench):
    with pytest.raises(RateLimited):
        refused(server, bench, 429, headers={"Retry-After": "0"})

    assert len(server.seen("model")) == 5


def test_row_22_a_busy_server_that_says_when_is_waited_for(server, bench):
    trouble = Trouble(503, headers={"Retry-After": "0"}, times=1)
    url = server.serve("model", SMALL, troubles=(trouble,))

    assert bench.fetch(url, content=SMALL).size_bytes == len(SMALL)


@pytest.mark.parametrize("text", ["3600", "9" * 30, "ten-years"])
def test_row_23_a_long_wait_is_left_to_the_user(server, bench, text):
    if text == "ten-years":
        text = format_datetime(datetime.now(UTC) + timedelta(days=3650), usegmt=True)  # noqa: TID251 -- a date far from today's

    with pytest.raises(RateLimited) as caught:
        refused(server, bench, 429, headers={"Retry-After": text})

    assert 3500 < caught.value.wait_s <= 86400
    assert len(server.seen("model")) == 1


def test_row_23_a_wait_that_is_over_is_none(server, bench):
    headers = {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}
    url = server.serve("model", SMALL, troubles=(Trouble(429, b"", headers, times=1),))

    assert bench.fetch(url, content=SMALL).size_bytes == len(SMALL)


def test_row_26_an_expired_address_is_renewed_once_for_all(server, bench):
    content = some_bytes(40 * 1024 * 1024)
    gone = Trouble(403, after=1)
    old = server.serve("old", content, rate=20 * 1024 * 1024, troubles=(gone,), cut_at=2 << 20)
    new = server.serve("new", content)
    renewals = []

    def relocate():
        renewals.append(1)
        return download(new, hub="civitai")

    fetched = bench.fetch(old, content=content, hub="civitai", relocate=relocate)

    assert fetched.path.read_bytes() == content
    assert renewals == [1]
    assert server.sent_bytes("new") <= 1.5 * len(content)


def test_row_26_a_signed_address_that_expires_is_asked_for_at_its_hub_again(
    server, other_server, bench
):
    expired = Trouble(403, after=1, times=1)
    signed = other_server.serve("cdn", SMALL, drop_every=200 * 1024, troubles=(expired,))
    url = server.serve("model", b"", redirect=signed)

    fetched = bench.fetch(url, content=SMALL, hub="huggingface", token="hf_secret")

    assert fetched.path.read_bytes() == SMALL
    assert len(server.seen("model")) == 2
    assert not any("authorization" in seen.headers for seen in other_server.requests)


def test_row_26_a_renewal_that_does_not_help_is_not_repeated(server, bench):
    url = server.serve("model", SMALL, drop_every=100_000, troubles=(Trouble(403, after=1),))

    with pytest.raises(AccessDenied):
        bench.fetch(
            url, content=SMALL, hub="civitai", relocate=lambda: download(url, hub="civitai")
        )

    assert len(server.seen("model")) == 3


def test_row_25_a_token_is_never_part_of_an_error(server, bench):
    trouble = Trouble(401, b'{"error": "no"}')
    url = server.serve("model", SMALL, troubles=(trouble,))

    with pytest.raises(LoginRequired) as caught:
        bench.fetch(url + "?token=in-the-url", hub="civitai", token="in-the-header")

    assert "in-the" not in repr(vars(caught.value)) + str(caught.value) + str(caught.value.hint)


def test_row_33_a_redirect_to_a_login_page_is_a_missing_login(server, bench):
    url = server.serve(
        "model", SMALL, redirect="/login?returnUrl=/model-versions/7", redirect_status=307
    )

    with pytest.raises(LoginRequired):
        bench.fetch(url, hub="civitai")


def test_a_login_page_without_a_hub_is_not_the_file(server, bench):
    url = server.serve("model", SMALL, redirect="/login?next=/model")

    with pytest.raises(NotTheFile, match="a login page"):
        bench.fetch(url)


@pytest.mark.parametrize(
    ("first", "kind", "name", "what"),
    [
        (b"\n\n <!doctype HTML><title>\n Oh </title>", "", "m.ckpt", "a web page: “Oh”"),
        (b"\xef\xbb\xbf<html>", "", "m.ckpt", "a web page"),
        (b"<!-- x --><html>", "text/html", "m.ckpt", "a web page"),
        (b"<html>", "", "page.html", None),
        (b'{"message":"no"}', "", "m.ckpt", "a JSON message: “no”"),
        (b'{"a":1}', "application/problem+json", "m.ckpt", "a JSON message"),
        (b'{"a":1}', "", "m.ckpt", None),
        (b'{"error":"no"}', "application/json", "model_index.json", None),
        (b"<svg/>", "image/svg+xml", "m.svg", None),
        (b'<?xml version="1.0"?>', "", "m.xml", None),
        (b'<?xml version="1.0"?>', "", "m.pt", "an XML message"),
        (b"PK\x03\x04\0\0", "text/html", "m.pt", None),
        (b"\x7b\0\0\0\0\0\0\0{", "application/json", "m.safetensors", None),
        (b"<html>\0", "text/html", "m.pt", None),
        (b"plain words", "text/plain", "m.pt", None),
        (b"<html>" + "ä".encode()[:1], "", "m.pt", "a web page"),
        (b"", "text/html", "m.pt", None),
    ],
)
def test_the_first_bytes_tell_what_is_not_the_file(first, kind, name, what):
    assert not_the_file(first, kind, file_name=name) == what


def test_a_strangers_text_becomes_one_harmless_line():
    assert one_line("a\r\nb\t\u202ec\x1b]8;;x\x07 \ud800 d") == "a b c]8;;x d"
    assert len(one_line("x" * 5000)) == 201
