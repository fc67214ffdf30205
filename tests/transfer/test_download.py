"""One file from a server that behaves, and from one that does not."""

import hashlib
import time

import pytest
from blake3 import blake3

from registry.domain.hashes import Hashes, HashKind
from registry.errors import (
    ConnectionLost,
    NotTheFile,
    SizeMismatch,
)
from tests.transfer.bench import some_bytes

KIB, MIB = 1024, 1024 * 1024
SMALL = some_bytes(300 * KIB)
LARGE = some_bytes(18 * MIB)


def test_a_file_arrives_whole_and_measured(server, bench):
    url = server.serve("model.safetensors", LARGE)

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.size_bytes == fetched.fetched_bytes == len(LARGE)
    assert fetched.hashes.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert fetched.hashes.blake3 == blake3(LARGE).hexdigest()
    assert fetched.hashes.get(HashKind.AUTOV1) is not None
    assert len(fetched.pieces.digests) == 5
    assert bench.heard.begun == [("model.safetensors", len(LARGE), 0)]
    assert bench.heard.advanced == len(LARGE)
    assert bench.heard.ended == 1


def test_a_file_that_nobody_knows_arrives_too(server, bench):
    fetched = bench.fetch(server.serve("model", SMALL))

    assert fetched.path.read_bytes() == SMALL


def test_every_request_says_who_we_are_and_wants_the_bytes_as_they_are(server, bench):
    bench.fetch(server.serve("model", SMALL))

    (seen,) = server.seen("model")
    assert seen.headers["user-agent"] == "sdreg-test/1"
    assert seen.headers["accept-encoding"] == "identity"
    assert "cookie" not in seen.headers


def test_cookies_are_not_kept(server, bench):
    url = server.serve("model", SMALL, drop_every=100 * KIB, headers={"Set-Cookie": "a=b"})

    bench.fetch(url, content=SMALL)

    assert len(server.seen("model")) > 1
    assert not any("cookie" in seen.headers for seen in server.seen("model"))


def test_several_connections_share_a_long_file(server, bench):
    content = some_bytes(48 * MIB)
    url = server.serve("model", content, rate=24 * MIB)

    fetched = bench.fetch(url, content=content, connections=4)

    assert fetched.path.read_bytes() == content
    assert server.most_connections("model") > 1
    # What was on its way when a thief lowered the border of a range comes for nothing.
    assert server.sent_bytes("model") < 1.5 * len(content)


def test_a_small_file_uses_one_connection(server, bench):
    url = server.serve("model", SMALL, rate=MIB)

    bench.fetch(url, content=SMALL, connections=8)

    assert len(server.seen("model")) == 1


def test_a_limit_on_the_rate_is_kept(server, bench):
    url = server.serve("model", SMALL)
    begun = time.monotonic()

    bench.fetch(url, content=SMALL, rate_limit_bytes_per_s=MIB)

    assert time.monotonic() - begun > 0.25


# Rows of FAULTS.md, HTTP.


def test_a_strong_etag_is_sent_as_a_condition(server, bench):
    url = server.serve("model", SMALL, drop_every=100 * KIB)

    bench.fetch(url)

    conditions = [seen.headers.get("if-range") for seen in server.seen("model")]
    assert conditions == [None, '"v1"', '"v1"']


PAGE = b"<!DOCTYPE html><html><head><title>Sign in \x1b[31m| Hub</title></head>" + b"x" * 3000


@pytest.mark.parametrize("kind", ["text/html", "application/json", "application/xml"])
def test_a_real_file_is_not_refused_for_its_content_type(server, bench, kind):
    url = server.serve("model", SMALL, content_type=kind)

    assert bench.fetch(url).path.read_bytes() == SMALL


def test_a_known_file_that_looks_like_a_page_is_taken(server, bench):
    url = server.serve("model", PAGE, content_type="text/html")

    assert bench.fetch(url, content=PAGE).path.read_bytes() == PAGE


def test_a_configuration_in_json_is_a_file(server, bench):
    url = server.serve("config.json", b'{"error": 1, "message": "x"}')

    fetched = bench.fetch(url, name="config.json")

    assert fetched.size_bytes == 28


def test_an_empty_body_is_not_a_file(server, bench):
    with pytest.raises(NotTheFile, match="an empty body"):
        bench.fetch(server.serve("model", b""))


def test_a_length_that_the_catalog_does_not_know_is_refused_before_a_byte_is_written(server, bench):
    url = server.serve("model", SMALL)

    with pytest.raises(SizeMismatch, match="has 307200 bytes, but the catalog knows it with 5"):
        bench.fetch(url, size=5)

    assert not (bench.folder / "part.part").exists()


def test_a_server_that_is_not_there_is_a_lost_connection(server, bench):
    url = server.url("model")
    server.close()

    with pytest.raises(ConnectionLost):
        bench.fetch(url, content=SMALL)


def test_autov3_comes_along_when_nothing_else_is_known(server, bench):
    content = (2).to_bytes(8, "little") + b"{}" + SMALL
    digits = hashlib.sha256(SMALL).hexdigest()[:12]
    url = server.serve("model", content)

    fetched = bench.fetch(url, hashes=Hashes.of(f"autov3:{digits}"), autov3_up_to_bytes=0)

    assert fetched.hashes.get(HashKind.AUTOV3).digits.startswith(digits)
