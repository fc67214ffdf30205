"""What hubs answer instead of a file, and what we make of it."""

import json

import pytest

from registry.domain.strangers_text import one_line
from registry.errors import (
    AccessDenied,
    GoneFromHub,
    LoginRequired,
    NotTheFile,
    RequestRefused,
)
from registry.transfer.answers import not_the_file
from tests.servers.model_server import Trouble
from tests.transfer.bench import some_bytes

SMALL = some_bytes(300 * 1024)
DISABLED = "The creator of this asset has disabled downloads on this file"


def refused(server, bench, status, body=None, headers=None, *, hub="civitai"):
    trouble = Trouble(status, json.dumps(body).encode() if body else b"", headers or {})
    url = server.serve("model", SMALL, troubles=(trouble,))
    bench.fetch(url, content=SMALL, hub=hub, name="anything.safetensors")


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
