"""One file from a server that behaves, and from one that does not."""

import gzip
import hashlib
import json
import time

import pytest
from blake3 import blake3

from registry.domain.hashes import Hashes, HashKind
from registry.errors import (
    ConnectionLost,
    DownloadTimeout,
    NotEnoughSpace,
    NotTheFile,
    RemoteChanged,
    SizeMismatch,
    UnexpectedAnswer,
)
from tests.servers.model_server import Trouble
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


def test_row_1_a_server_that_ignores_ranges_is_read_in_one_stream(server, bench):
    url = server.serve("model", LARGE, ranges=False)

    fetched = bench.fetch(url, content=LARGE, connections=4)

    assert fetched.path.read_bytes() == LARGE
    assert len(server.seen("model")) == 1


def test_row_1_a_cut_stream_without_ranges_begins_again_in_place(server, bench):
    url = server.serve("model", SMALL, ranges=False, cut_at=100 * KIB, cuts=2)

    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL


def test_row_2_a_wrong_content_range_is_rejected_and_the_file_still_arrives(server, bench):
    url = server.serve("model", SMALL, begin_shift=7)

    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL
    assert server.seen("model")[-1].range is None, "asked without a range in the end"


def test_row_2_a_wrong_content_range_later_on_is_rejected_too(server, bench):
    url = server.serve("model", SMALL, drop_every=100 * KIB)
    calls = []

    def liar(count):
        calls.append(count)
        if count == 2:
            server.change("model", begin_shift=1)
        if count == 3:
            server.change("model", begin_shift=0)
        return '"v1"'

    server.change("model", etag=liar)
    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL


def test_row_3_another_total_means_another_file(server, bench):
    url = server.serve("model", SMALL, drop_every=100 * KIB)

    def replaced(count):
        if count == 2:
            server.change("model", total_said=len(SMALL) + 1)
        return '"v1"'

    server.change("model", etag=replaced)
    with pytest.raises(SizeMismatch):
        bench.fetch(url, content=SMALL)


def test_row_4_shifted_bytes_are_fetched_once_more_in_one_stream(server, bench):
    url = server.serve("model", SMALL, body_shift=3)

    def heal(count):
        if count == 1:
            server.change("model", body_shift=0)
        return '"v1"'

    server.change("model", etag=heal)
    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL
    last = server.seen("model")[-1]
    assert last.range is None
    assert last.headers["cache-control"] == "no-cache"


def test_row_5_bytes_behind_the_range_are_ignored(server, bench):
    url = server.serve("model", SMALL, more=b"x" * 5000)

    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL


def test_row_6_several_ranges_for_one_are_rejected(server, bench):
    fetched = bench.fetch(server.serve("model", SMALL, multipart=True), content=SMALL)

    assert fetched.path.read_bytes() == SMALL
    assert server.seen("model")[-1].range is None


def test_row_7_a_new_etag_midway_begins_anew(server, bench):
    new = some_bytes(len(SMALL), seed=2)
    url = server.serve("model", SMALL, drop_every=100 * KIB)

    def replaced(count):
        if count == 2:
            server.change("model", new, drop_every=None)
        return '"v1"' if count < 2 else '"v2"'

    server.change("model", etag=replaced)
    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == new
    assert any("begins anew" in line for line in bench.heard.lines)


def test_row_7_a_file_that_changes_for_ever_is_given_up(server, bench):
    url = server.serve("model", SMALL, etag=lambda n: f'"v{n}"', drop_every=100 * KIB)

    with pytest.raises((RemoteChanged, ConnectionLost)):
        bench.fetch(url)


def test_row_8_a_weak_etag_is_never_sent_as_a_condition(server, bench):
    url = server.serve("model", SMALL, etag='W/"v1"', drop_every=100 * KIB)

    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL
    assert not any("if-range" in seen.headers for seen in server.seen("model"))


def test_row_8_a_weak_etag_and_no_hash_means_to_begin_anew_after_a_loss(server, bench):
    url = server.serve("model", SMALL, etag='W/"v1"', cut_at=200 * KIB, cuts=1)

    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == SMALL
    assert server.sent_bytes("model") >= len(SMALL) + 200 * KIB


def test_a_strong_etag_is_sent_as_a_condition(server, bench):
    url = server.serve("model", SMALL, drop_every=100 * KIB)

    bench.fetch(url)

    conditions = [seen.headers.get("if-range") for seen in server.seen("model")]
    assert conditions == [None, '"v1"', '"v1"']


def test_row_9_without_any_validator_a_file_arrives_but_is_not_continued(server, bench):
    url = server.serve("model", SMALL, etag=None, cut_at=200 * KIB, cuts=1)

    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == SMALL
    assert server.sent_bytes("model") >= len(SMALL) + 200 * KIB


def test_row_11_a_cut_body_is_continued(server, bench):
    url = server.serve("model", LARGE, cut_at=10 * MIB, cuts=1)

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert server.sent_bytes("model") <= len(LARGE) + 2 * MIB


def test_row_12_a_server_that_drops_every_few_bytes_is_outlasted(server, bench):
    url = server.serve("model", SMALL, drop_every=16 * KIB)

    fetched = bench.fetch(url, content=SMALL, attempts_without_progress=2)

    assert fetched.path.read_bytes() == SMALL
    assert len(server.seen("model")) == 19


def test_row_13_a_short_length_is_no_match_for_the_catalog(server, bench):
    url = server.serve("model", SMALL, ranges=False, length_said=1000)

    with pytest.raises(SizeMismatch) as caught:
        bench.fetch(url, content=SMALL)

    assert (caught.value.expected_bytes, caught.value.got_bytes) == (len(SMALL), 1000)
    assert list(bench.folder.glob("*.journal")) == []


@pytest.mark.parametrize("said", ["-5", "0", "12, 13", "abc"])
def test_row_14_an_absurd_length_ends_in_an_error(server, bench, said):
    url = server.serve("model", SMALL, ranges=False, length_said=said)

    with pytest.raises((ConnectionLost, SizeMismatch, NotTheFile)):
        bench.fetch(url, content=SMALL)


def test_row_14_a_gigantic_length_is_refused_before_anything_is_written(server, bench):
    url = server.serve("model", SMALL, ranges=False, length_said=10**18)

    with pytest.raises(NotEnoughSpace) as caught:
        bench.fetch(url)

    assert caught.value.needed_bytes == 10**18
    assert not (bench.folder / "part.part").exists()


@pytest.mark.parametrize("known", [True, False])
def test_row_15_chunks_without_a_length_arrive(server, bench, known):
    url = server.serve("model", SMALL, chunked=True, ranges=False)

    fetched = bench.fetch(url, content=SMALL if known else None)

    assert fetched.path.read_bytes() == SMALL


def test_row_15_chunks_that_are_longer_than_promised_are_refused(server, bench):
    url = server.serve("model", SMALL + b"more", chunked=True, ranges=False)

    with pytest.raises(SizeMismatch):
        bench.fetch(url, content=SMALL)


def test_row_16_chunks_that_are_cut_are_not_a_file(server, bench):
    url = server.serve("model", SMALL, chunked=True, ranges=False, cut_at=100 * KIB)

    with pytest.raises(ConnectionLost):
        bench.fetch(url)


@pytest.mark.parametrize("http10", [True, False])
def test_row_17_a_body_that_ends_with_the_connection_arrives(server, bench, http10):
    url = server.serve("model", SMALL, ranges=False, length_said="", http10=http10)

    assert bench.fetch(url, content=SMALL).path.read_bytes() == SMALL


def test_row_17_a_cut_body_of_unknown_length_is_found_out_by_the_promised_size(server, bench):
    url = server.serve("model", SMALL, ranges=False, length_said="", cut_at=100 * KIB, cuts=1)

    assert bench.fetch(url, content=SMALL).path.read_bytes() == SMALL


def test_row_18_a_stalled_connection_is_replaced(server, bench):
    url = server.serve("model", LARGE, stall_at=9 * MIB, stalls=1)

    fetched = bench.fetch(url, content=LARGE, stall_timeout_s=0.3)

    assert fetched.path.read_bytes() == LARGE


def test_row_18_a_server_that_only_stalls_ends_in_a_timeout(server, bench):
    url = server.serve("model", SMALL, stall_at=0)

    with pytest.raises(DownloadTimeout):
        bench.fetch(url, content=SMALL, stall_timeout_s=0.1, attempts_without_progress=2)


def test_row_19_a_crawling_connection_is_given_up(server, bench):
    url = server.serve("model", LARGE, rate=20 * KIB)

    with pytest.raises(DownloadTimeout):
        bench.fetch(
            url,
            content=LARGE,
            stall_timeout_s=0.3,
            lowest_bytes_per_s=MIB,
            attempts_without_progress=2,
        )


def test_row_20_a_reset_connection_is_continued(server, bench):
    url = server.serve("model", LARGE, cut_at=5 * MIB, cuts=1, reset=True)

    assert bench.fetch(url, content=LARGE).path.read_bytes() == LARGE


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_row_24_a_burst_of_server_errors_is_outlasted(server, bench, status):
    page = b"<html><title>Maintenance</title>"
    url = server.serve("model", SMALL, troubles=(Trouble(status, page, times=3),))

    assert bench.fetch(url, content=SMALL).path.read_bytes() == SMALL


def test_row_24_a_server_that_is_down_is_given_up(server, bench):
    url = server.serve("model", SMALL, troubles=(Trouble(503, b"<html>"),))

    with pytest.raises(ConnectionLost, match="status 503"):
        bench.fetch(url, content=SMALL)

    assert len(server.seen("model")) == 4


PAGE = b"<!DOCTYPE html><html><head><title>Sign in \x1b[31m| Hub</title></head>" + b"x" * 3000


@pytest.mark.parametrize("length", [len(SMALL), None])
def test_row_33_a_web_page_is_refused_by_its_title(server, bench, length):
    url = server.serve("model", PAGE, content_type="text/html; charset=utf-8")

    with pytest.raises(NotTheFile, match=r"a web page: “Sign in \[31m\| Hub”"):
        bench.fetch(url, size=length)

    assert not (bench.folder / "part.part").exists()


def test_row_34_a_json_error_is_refused_by_its_message(server, bench):
    body = json.dumps({"error": "Quota\u202e exceeded"}).encode()
    url = server.serve("model", body, content_type="application/json")

    with pytest.raises(NotTheFile, match="a JSON message: “Quota exceeded”"):
        bench.fetch(url, content=SMALL)


def test_row_34_an_xml_error_is_refused_by_its_message(server, bench):
    body = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Expired</Message>'
    url = server.serve("model", body)

    with pytest.raises(NotTheFile, match="an XML message: “AccessDenied”"):
        bench.fetch(url)


def test_row_35_a_pointer_is_called_a_pointer(server, bench):
    body = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 42\n"
    url = server.serve("model", body, content_type="text/plain")

    with pytest.raises(NotTheFile, match="a Git LFS pointer to 42 bytes with sha256:abab"):
        bench.fetch(url)


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


def test_row_36_a_compressed_body_is_unpacked(server, bench):
    url = server.serve("model", SMALL, encode=True)

    fetched = bench.fetch(url, content=SMALL)

    assert fetched.path.read_bytes() == SMALL


def test_row_36_an_unknown_encoding_is_refused(server, bench):
    url = server.serve("model", SMALL, ranges=False, headers={"Content-Encoding": "snappy"})

    with pytest.raises(UnexpectedAnswer, match="encodes the file as snappy"):
        bench.fetch(url, content=SMALL)


def test_row_36_a_file_that_is_itself_gzip_stays_as_it_is(server, bench):
    packed = gzip.compress(SMALL)
    url = server.serve("model.gz", packed, content_type="application/gzip")

    assert bench.fetch(url, content=packed).path.read_bytes() == packed


def test_row_37_no_name_is_taken_from_the_answer(server, bench):
    url = server.serve(
        "model", SMALL, headers={"Content-Disposition": 'attachment; filename="../../x"'}
    )

    assert bench.fetch(url).path == bench.folder / "part.part"


def test_row_41_an_old_server_does(server, bench):
    url = server.serve("model", SMALL, http10=True, ranges=False)

    assert bench.fetch(url, content=SMALL).path.read_bytes() == SMALL


def test_row_43_wrong_bytes_are_handed_over_as_measured_after_one_more_try(server, bench):
    other = some_bytes(len(SMALL), seed=9)
    url = server.serve("model", other)

    fetched = bench.fetch(url, content=SMALL)

    assert fetched.hashes.sha256 == hashlib.sha256(other).hexdigest()
    assert len(server.seen("model")) == 2


def test_row_46_a_header_bomb_is_no_answer(server, bench):
    url = server.serve("model", SMALL, headers={"X-Bomb": "x" * 300_000})

    with pytest.raises(ConnectionLost):
        bench.fetch(url, attempts_without_progress=2)


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
