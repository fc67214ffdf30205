"""Rows 33 to 38 of the faults: something else under the file's address, or around the file."""

import gzip
import json

import pytest

from registry.errors import (
    ConnectionLost,
    HashMismatch,
    LoginRequired,
    NotTheFile,
    SizeMismatch,
    UnexpectedAnswer,
)
from tests.faults.household import (
    AT_CIVITAI,
    AT_HUGGINGFACE,
    CIVITAI,
    HUGGINGFACE,
    KIB,
    MIB,
    sha256_of,
    weights,
)

SMALL = weights(300 * KIB)
LARGE = weights(18 * MIB)
PAGE = b"<!DOCTYPE html><html><head><title>Sign in \x1b[31m| Hub</title></head>" + b"x" * 3000


@pytest.mark.parametrize("known", [True, False])
def test_row_33_a_web_page_is_refused_by_its_title(house, server, known):
    url = server.serve("noise.safetensors", PAGE, content_type="text/html; charset=utf-8")

    house.refuses(
        url,
        NotTheFile,
        SMALL if known else None,
        match=r"a web page: “Sign in \[31m\| Hub”",
    )


def test_row_33_a_web_page_that_calls_itself_a_model_is_refused_too(house, hub):
    hub.serve(AT_CIVITAI, PAGE, content_type="application/octet-stream")
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", NotTheFile, match="a web page")


def test_row_33_a_web_page_midway_is_not_appended(house, server):
    script = [{"cut_at": 100 * KIB}, {"content": PAGE, "ranges": False, "etag": None}, {}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, SMALL)


def test_row_33_a_redirect_to_a_login_page_is_a_missing_login(house, hub):
    hub.serve(AT_CIVITAI, b"", redirect="/login?returnUrl=/models/901", redirect_status=307)
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", LoginRequired)


@pytest.mark.parametrize("kind", ["text/html", "application/json", "application/xml"])
def test_row_33_a_real_file_is_not_refused_for_its_content_type(house, server, kind):
    url = server.serve("noise.safetensors", SMALL, content_type=kind)

    house.installs(url, SMALL, knowing=False)


@pytest.mark.parametrize(
    ("body", "kind", "what"),
    [
        (b'{"error": "Quota\xe2\x80\xae exceeded"}', "application/json", "“Quota exceeded”"),
        (b'{"message": "no"}', "application/octet-stream", "a JSON message: “no”"),
        (b'{"a": 1}', "application/problem+json", "a JSON message"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "", "“AccessDenied”"),
        (b"<Error><Message>Request has expired</Message>", "", "“Request has expired”"),
    ],
)
def test_row_34_an_error_in_json_or_xml_is_refused_by_its_message(house, server, body, kind, what):
    url = server.serve("noise.safetensors", body, content_type=kind)

    house.refuses(url, NotTheFile, SMALL, match=what)


def pointer(content):
    lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{sha256_of(content)}")
    return "\n".join((*lines, f"size {len(content)}", "")).encode()


@pytest.mark.parametrize("known", [True, False])
def test_row_35_a_pointer_is_called_a_pointer_and_what_it_points_to_is_told(house, server, known):
    url = server.serve("noise.safetensors", pointer(SMALL), content_type="text/plain")
    told = f"a Git LFS pointer to {len(SMALL):,} bytes with sha256:{sha256_of(SMALL)}"

    house.refuses(url, NotTheFile, SMALL if known else None, match=told)


def test_row_35_a_pointer_at_one_source_leads_to_the_next(house, hub, other_server):
    hub.serve(AT_CIVITAI, pointer(SMALL))
    other_server.serve(AT_HUGGINGFACE, SMALL)
    house.knows(SMALL, CIVITAI, HUGGINGFACE)

    house.installs("noise", SMALL)


def test_row_36_every_request_asks_for_the_bytes_as_they_are(house, server):
    url = server.serve("noise.safetensors", SMALL, drop_every=100 * KIB)

    house.installs(url, SMALL)

    assert {seen.headers["accept-encoding"] for seen in server.requests} == {"identity"}


@pytest.mark.parametrize("ranges", [True, False])
def test_row_36_a_compressed_body_is_unpacked_and_never_stored_as_it_came(house, server, ranges):
    url = server.serve("noise.safetensors", LARGE, encode=True, ranges=ranges)

    house.installs(url, LARGE)


def test_row_36_a_compressed_range_midway_is_rejected(house, server):
    script = [{"cut_at": 100 * KIB}, {"encode": True}, {}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, SMALL)


def test_row_36_a_compressed_body_that_is_cut_is_not_a_file(house, server):
    url = server.serve("noise.safetensors", SMALL, encode=True, ranges=False, cut_at=100 * KIB)

    house.refuses(url, ConnectionLost, SMALL)


@pytest.mark.parametrize("encoding", ["br", "zstd", "snappy", "gzip, gzip", "aes128gcm"])
def test_row_36_an_encoding_that_we_do_not_read_is_refused(house, server, encoding):
    url = server.serve(
        "noise.safetensors", SMALL, ranges=False, headers={"Content-Encoding": encoding}
    )

    house.refuses(url, (UnexpectedAnswer, ConnectionLost), SMALL)


def test_row_36_a_body_that_is_not_encoded_as_it_says_is_refused(house, server):
    url = server.serve(
        "noise.safetensors", SMALL, ranges=False, headers={"Content-Encoding": "gzip"}
    )

    house.refuses(url, ConnectionLost, SMALL)


def test_row_36_a_small_body_that_unpacks_to_a_huge_one_ends_at_the_promised_length(house, hub):
    bomb = gzip.compress(bytes(64 * MIB))
    hub.serve(AT_CIVITAI, bomb, ranges=False, headers={"Content-Encoding": "gzip"})
    house.knows(SMALL, CIVITAI)

    error = house.refuses("noise", SizeMismatch)

    assert error.got_bytes < 8 * MIB


def test_row_36_a_file_that_is_a_gzip_itself_is_not_unpacked(house, server):
    packed = gzip.compress(SMALL)
    url = server.serve("noise.safetensors", packed, content_type="application/gzip")

    house.refuses(url, HashMismatch, SMALL)


HOSTILE_NAMES = [
    'attachment; filename="../../../.bashrc"',
    'attachment; filename="/etc/passwd"',
    "attachment; filename*=UTF-8''..%2f..%2fevil.pt",
    "attachment; filename=\"a.safetensors\"; filename*=UTF-16''%00",
    'attachment; filename="CON"',
    "attachment; filename=" + "x" * 5000,
    "\x01\x02;;;===",
    "inline",
    None,
]


@pytest.mark.parametrize("header", HOSTILE_NAMES)
def test_row_37_a_name_comes_from_the_catalog_or_the_address_and_never_from_a_header(
    house, hub, server, header
):
    headers = {"Content-Disposition": header} if header is not None else {}
    hub.serve(AT_CIVITAI, SMALL, headers=headers)
    url = server.serve("by-address.safetensors", LARGE, headers=headers)
    house.knows(SMALL, CIVITAI)

    by_catalog = house.installs("noise", SMALL)
    by_address = house.installs(url, LARGE)

    assert by_catalog.install.file_name == "noise.safetensors"
    assert by_address.install.file_name == "by-address.safetensors"
    assert not [path for path in house.home.parent.rglob("*") if "evil" in path.name]


def test_row_38_a_host_that_forbids_head_is_asked_for_the_bytes(house, server):
    url = server.serve("noise.safetensors", SMALL, head_status=405)

    house.installs(url, SMALL)

    assert {seen.method for seen in server.requests} == {"GET"}


@pytest.mark.parametrize("status", [405, 501])
def test_row_38_a_hub_that_forbids_head_is_asked_for_the_bytes(house, other_server, status):
    other_server.serve(AT_HUGGINGFACE, SMALL, head_status=status)
    house.knows(SMALL, HUGGINGFACE)

    house.installs("noise", SMALL)


def test_row_38_a_hub_whose_head_tells_no_length_is_asked_for_the_bytes(house, other_server):
    other_server.serve(AT_HUGGINGFACE, SMALL, chunked=True, etag=None, ranges=False)
    house.knows(SMALL, HUGGINGFACE)

    house.installs("noise", SMALL)


def test_row_38_a_hub_whose_head_lies_about_the_hash_is_not_believed(house, other_server):
    other_server.serve(
        AT_HUGGINGFACE,
        SMALL,
        headers={"X-Repo-Commit": "a" * 40, "X-Linked-ETag": json.dumps("f" * 64)},
    )
    house.knows(SMALL, HUGGINGFACE)

    house.refuses("noise", HashMismatch, match="says the hub")
