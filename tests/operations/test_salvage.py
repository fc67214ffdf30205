"""Wrong bytes on the way: what is mended by the piece, what is refused, and why it is so."""

import hashlib
from dataclasses import replace

import pytest

from registry.demo.safetensors_file import write_safetensors
from registry.domain.hashes import Hash, Hashes
from registry.domain.progress import Progress
from registry.domain.reference import UrlRef
from registry.domain.source import Source
from registry.errors import HashDisputed, HashMismatch, NotTheFile, SizeMismatch
from registry.operations.obtain import obtain
from registry.store.content import measure
from registry.transfer.download import Downloader, Expectation, TransferOptions
from tests.factories import make_file
from tests.servers.model_server import ModelServer, Trouble
from tests.servers.unreliable import ShiftedRanges, Unreliable
from tests.transfer.bench import Heard, some_bytes

np = pytest.importorskip("numpy")
MIB = 1024 * 1024
PIECE = 4 * MIB
CONTENT = some_bytes(24 * MIB)
SHA256 = Hash.parse(f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
OTHER = some_bytes(24 * MIB, seed=2)
OTHER_SHA256 = Hash.parse(f"sha256:{hashlib.sha256(OTHER).hexdigest()}")


@pytest.fixture
def one():
    with ModelServer() as running:
        yield running


@pytest.fixture
def two():
    with ModelServer() as running:
        yield running


@pytest.fixture
def three():
    with ModelServer() as running:
        yield running


@pytest.fixture
def rooms(rooms):
    # One connection, so that a whole read is one read of every byte, on a busy machine too.
    quick = TransferOptions(
        connections=1, first_wait_s=0.01, longest_wait_s=0.2, stall_timeout_s=2.0, durable=False
    )
    downloader = Downloader(quick, rooms.home / "partial")
    yield replace(rooms, downloader=downloader)
    downloader.close()


@pytest.fixture
def wanted(rooms):
    """The file with these addresses as its sources, which the user typed once."""

    def file(*urls, content=CONTENT, **changes):
        for url in urls:
            rooms.hubs["direct"].find(UrlRef(url))
        digits = hashlib.sha256(content).hexdigest()
        plain = {
            "name": "model.bin",
            "size_bytes": len(content),
            "hashes": Hashes.of(f"sha256:{digits}"),
            "sources": tuple(Source("direct", url=url) for url in urls),
        }
        return make_file(**{**plain, **changes})

    return file


def flipped(*places):
    content = bytearray(CONTENT)
    for at in places:
        content[at] ^= 1
    return bytes(content)


def kept(rooms):
    return [path.read_bytes() for path in rooms.store.quarantined()]


def left(rooms):
    """What lies among the parts, apart from locks and what is returned."""
    return sorted(path.suffix for path in (rooms.home / "partial").iterdir())


# ── mended ────────────────────────────────────────────────────────────────────────────────────────


def test_row_42_a_turned_bit_costs_one_piece_where_the_piece_map_is_known(
    one, rooms, wanted, tmp_path
):
    (tmp_path / "right").write_bytes(CONTENT)
    with (tmp_path / "right").open("rb") as file:
        rooms.store.learn(SHA256.digits, measure(file).pieces, None)
    url = one.serve("model", Unreliable(CONTENT, {9 * MIB: {1}}))

    obtained = obtain(wanted(url), rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == CONTENT
    assert obtained.fetched.hashes.sha256 == SHA256.digits
    assert one.sent_bytes("model") <= len(CONTENT) + PIECE
    assert kept(rooms) == []


def test_a_turned_bit_without_a_piece_map_costs_a_second_read(one, rooms, wanted):
    url = one.serve("model", Unreliable(CONTENT, {9 * MIB: {1}}))

    obtained = obtain(wanted(url), rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == CONTENT
    assert one.sent_bytes("model") <= 2 * len(CONTENT)
    assert kept(rooms) == [flipped(9 * MIB)]


def test_two_reads_with_little_damage_are_mended_out_of_each_other(one, rooms, wanted):
    url = one.serve("model", Unreliable(CONTENT, {5 * MIB: {1}, 13 * MIB: {2}}))

    obtained = obtain(wanted(url), rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == CONTENT
    assert one.sent_bytes("model") == 2 * len(CONTENT), "nothing is asked a third time"
    assert ".pieces" not in left(rooms)
    assert left(rooms).count(".part") == 1, "the second read is used up"


def test_many_pieces_that_differ_are_asked_a_third_time_and_the_majority_is_right(
    one, rooms, wanted
):
    content = some_bytes(40 * MIB, seed=3)
    damage = {MIB: {1}, 9 * MIB: {1}, 17 * MIB: {2}, 33 * MIB: {2}}
    url = one.serve("model", Unreliable(content, damage))

    obtained = obtain(wanted(url, content=content), rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == content
    assert one.sent_bytes("model") == 2 * len(content) + 4 * PIECE
    asked = [seen.range for seen in one.requests[2:]]
    assert asked == [(n * PIECE, (n + 1) * PIECE - 1) for n in (0, 2, 4, 8)]


def test_a_wrong_piece_of_one_source_does_not_condemn_the_right_ones_of_the_next(
    one, two, rooms, wanted
):
    """The first brings a damaged piece and dies; the second goes on, then mends it."""
    bad = one.serve(
        "model",
        Unreliable(CONTENT, {5 * MIB: None}),
        cut_at=14 * MIB,
        troubles=(Trouble(500, after=1),),
    )
    good = two.serve("model", CONTENT)

    obtained = obtain(wanted(bad, good), rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == CONTENT
    assert two.sent_bytes("model") == len(CONTENT), "what it brought itself was not asked again"
    assert kept(rooms) == []


def test_two_sources_with_one_damaged_piece_each_make_one_right_file(one, two, rooms, wanted):
    urls = one.serve("model", flipped(MIB)), two.serve("model", flipped(21 * MIB))

    obtained = obtain(wanted(*urls), rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == CONTENT
    assert one.sent_bytes("model") + two.sent_bytes("model") <= 2 * len(CONTENT) + 4 * PIECE


def test_row_04_ranges_that_are_shifted_are_read_again_in_one_stream(one, rooms, wanted):
    url = one.serve("model", ShiftedRanges(CONTENT), cut_at=9 * MIB, cuts=1)

    assert obtain(wanted(url), rooms, Progress()).proven
    assert one.requests[-1].range is None


def test_row_10_the_second_read_asks_past_all_caches(one, rooms, wanted):
    url = one.serve("model", Unreliable(CONTENT, {MIB: {1}}))

    obtain(wanted(url), rooms, Progress())

    asked = [seen.headers.get("cache-control") for seen in one.requests]
    assert asked == [None, "no-cache"]


def test_a_second_read_that_no_stream_survives_is_made_of_ranges(one, rooms, wanted):
    url = one.serve("model", Unreliable(CONTENT, {MIB: {1}}), drop_every=7 * MIB)

    assert obtain(wanted(url), rooms, Progress()).proven


def test_a_wrong_file_that_an_earlier_run_left_is_compared_too(one, rooms, wanted):
    url = one.serve("model", Unreliable(CONTENT, {MIB: {1}, 9 * MIB: {2}}))
    file = wanted(url)
    hub = rooms.hubs["direct"]
    left_over = rooms.downloader.fetch(
        hub.locate(file.sources[0], file),
        Expectation(len(CONTENT), file.hashes),
        key=SHA256.digits,
        relocate=None,
        progress=Progress(),
        options=replace(rooms.downloader.options, refetch_wrong=False),
    )
    assert left_over.hashes.sha256 != SHA256.digits

    obtained = obtain(file, rooms, Progress())

    assert obtained.proven
    assert obtained.fetched.path.read_bytes() == CONTENT


# ── several sources ───────────────────────────────────────────────────────────────────────────────


def test_row_44_a_source_with_wrong_bytes_is_not_asked_again_and_the_other_has_them(
    one, two, rooms, wanted
):
    urls = one.serve("model", flipped(MIB)), two.serve("model", CONTENT)

    obtained = obtain(wanted(*urls), rooms, Progress())

    assert obtained.proven
    assert str(obtained.source) == urls[1]
    assert one.sent_bytes("model") == two.sent_bytes("model") == len(CONTENT)
    assert kept(rooms) == [flipped(MIB)]


def test_a_source_that_dies_in_the_middle_loses_no_piece(one, two, rooms, wanted):
    dying = one.serve("model", CONTENT, cut_at=14 * MIB, troubles=(Trouble(500, after=1),))
    good = two.serve("model", CONTENT)

    obtained = obtain(wanted(dying, good), rooms, Progress())

    assert obtained.proven
    assert two.sent_bytes("model") == len(CONTENT) - 3 * PIECE
    assert obtained.fetched.path.read_bytes() == CONTENT


def test_a_source_that_is_dead_is_given_up_sooner_while_others_are_waiting(one, two, rooms, wanted):
    dead = one.serve("model", CONTENT, troubles=(Trouble(500),))
    good = two.serve("model", CONTENT)

    assert obtain(wanted(dead, good), rooms, Progress()).proven
    assert len(one.requests) == 2


def test_sources_that_were_only_slow_are_asked_again_with_all_patience(one, two, rooms, wanted):
    weak = one.serve("model", CONTENT, troubles=(Trouble(500, times=5),))
    dead = two.serve("model", CONTENT, troubles=(Trouble(500),))

    obtained = obtain(wanted(weak, dead), rooms, Progress())

    assert obtained.proven
    assert str(obtained.source) == weak


def test_a_third_source_that_is_right_outweighs_two_that_agree(one, two, three, rooms, wanted):
    urls = [each.serve("model", OTHER) for each in (one, two)] + [three.serve("model", CONTENT)]

    obtained = obtain(wanted(*urls), rooms, Progress())

    assert obtained.proven
    assert str(obtained.source) == urls[2]


def test_a_signed_address_that_runs_out_is_renewed_once_for_all_connections(
    one, two, rooms, wanted
):
    expires = {"drop_every": MIB, "rate": 4 * MIB, "troubles": (Trouble(403, after=12),)}
    signed = [two.serve("signed-1", CONTENT, **expires), two.serve("signed-2", CONTENT)]
    url = one.serve("door", CONTENT, redirect=lambda count: signed[min(count, 2) - 1])
    several = replace(rooms.downloader.options, connections=4)
    rooms = replace(rooms, downloader=Downloader(several, rooms.home / "partial"))

    assert obtain(wanted(url), rooms, Progress()).proven
    assert len(one.seen("door")) == 2
    assert two.most_connections("signed-1") > 1
    refused = [seen for seen in two.seen("signed-1")[12:] if seen.range]
    assert refused
    assert two.sent_bytes("signed-2") > 0


# ── the four causes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!doctype html><title>Log in</title>", "a web page"),
        (b'{"error": "not here"}', "a JSON message"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64,
            "a Git LFS pointer",
        ),
    ],
)
def test_something_else_of_another_length_is_named(one, rooms, wanted, body, what):
    url = one.serve("model", body)

    with pytest.raises(NotTheFile, match=what) as caught:
        obtain(wanted(url), rooms, Progress())
    assert caught.value.facts["cause"] == "not-a-model"


def test_a_page_of_the_very_length_of_the_file_is_named_too(one, rooms, wanted):
    page = b"<!doctype html><title>Log in</title>".ljust(len(CONTENT))
    url = one.serve("model", page)

    with pytest.raises(HashMismatch) as caught:
        obtain(wanted(url), rooms, Progress())

    assert caught.value.cause == "not-a-model"
    assert caught.value.kept_at is not None
    assert one.sent_bytes("model") == len(page), "no second read of a page"
    assert kept(rooms) == [page]


def test_a_file_that_ends_before_its_own_header_says_is_cut(one, rooms, wanted, tmp_path):
    write_safetensors(tmp_path / "ones", {"ones": np.ones(5000, dtype=np.float32)})
    content = (tmp_path / "ones").read_bytes()
    url = one.serve("model", content[:-100], length_said="")

    with pytest.raises(HashMismatch) as caught:
        obtain(wanted(url, content=content, size_bytes=None), rooms, Progress())

    assert caught.value.cause == "cut"
    assert kept(rooms) == [content[:-100]]


@pytest.mark.parametrize(("change", "cause"), [(-5, "cut"), (5, "replaced")])
def test_another_length_tells_its_cause(one, rooms, wanted, change, cause):
    url = one.serve("model", some_bytes(len(CONTENT) + change))

    with pytest.raises(SizeMismatch) as caught:
        obtain(wanted(url), rooms, Progress())
    assert caught.value.cause == cause


def test_what_the_hub_names_now_was_replaced_by_its_publisher(rooms, hub, hosted):
    old = make_file(
        name=hosted.name,
        size_bytes=hosted.size_bytes,
        hashes=Hashes((OTHER_SHA256,)),
        sources=(Source("civitai", model="901", version="902", file="903"),),
    )

    with pytest.raises(HashMismatch) as caught:
        obtain(old, rooms, Progress())

    assert caught.value.cause == "replaced"
    assert caught.value.got == f"sha256:{hosted.hashes['SHA256'].lower()}"
    (dispute,) = rooms.catalog.disputes.about(OTHER_SHA256)
    assert (dispute.cause, dispute.accepted_at) == ("replaced", None)


def test_row_07_a_version_tag_that_changes_midway_means_that_it_was_replaced(one, rooms, wanted):
    url = one.serve(
        "model",
        OTHER,
        cut_at=9 * MIB,
        cuts=1,
        etag=lambda count: '"old"' if count < 2 else '"new"',
    )

    with pytest.raises(HashMismatch) as caught:
        obtain(wanted(url), rooms, Progress())
    assert caught.value.cause == "replaced"


def test_reads_of_which_no_two_are_alike_are_damaged_and_come_to_an_end(one, rooms, wanted):
    url = one.serve("model", Unreliable(CONTENT, {9 * MIB: None}, alike=False))

    with pytest.raises(HashMismatch) as caught:
        obtain(wanted(url), rooms, Progress())

    assert caught.value.cause == "damaged"
    assert one.sent_bytes("model") <= 3 * len(CONTENT) + 4 * PIECE
    assert len(kept(rooms)) >= 2
    assert ".pieces" not in left(rooms)


# ── disputed ──────────────────────────────────────────────────────────────────────────────────────


def test_row_43_two_full_reads_of_one_source_that_agree_are_a_dispute(one, rooms, wanted):
    url = one.serve("model", OTHER)

    with pytest.raises(HashDisputed) as caught:
        obtain(wanted(url), rooms, Progress())

    error = caught.value
    assert (error.promised, error.seen) == (str(SHA256), str(OTHER_SHA256))
    assert error.sources == (url,)
    assert one.sent_bytes("model") == 2 * len(OTHER)
    assert kept(rooms) == [OTHER]
    assert OTHER_SHA256.digits in error.hint


def test_row_43_two_sources_that_agree_are_a_dispute_that_is_recorded(one, two, rooms, wanted):
    urls = one.serve("model", OTHER), two.serve("model", OTHER)

    with pytest.raises(HashDisputed) as caught:
        obtain(wanted(*urls), rooms, Progress())

    assert caught.value.sources == urls
    (dispute,) = rooms.catalog.disputes.about(SHA256)
    assert (dispute.seen, dispute.sources, dispute.cause) == (OTHER_SHA256, urls, "wrong-hash")
    assert dispute.accepted_at is None
    assert dispute.kept_at is not None


def test_bytes_that_were_set_aside_are_taken_when_they_are_accepted(one, rooms, wanted):
    file = wanted(one.serve("model", OTHER))
    with pytest.raises(HashDisputed):
        obtain(file, rooms, Progress())
    one.requests.clear()

    obtained = obtain(file, rooms, Progress(), accept=OTHER_SHA256)

    assert one.requests == []
    assert not obtained.proven
    assert obtained.dispute is not None
    assert obtained.fetched.path.read_bytes() == OTHER
    assert rooms.catalog.disputes.accepted(OTHER_SHA256.digits)


def test_accepted_bytes_that_are_not_here_any_more_are_fetched_again(one, rooms, wanted):
    file = wanted(one.serve("model", OTHER))
    with pytest.raises(HashDisputed):
        obtain(file, rooms, Progress())
    for path in rooms.store.quarantined():
        path.write_bytes(b"somebody edited this")

    obtained = obtain(file, rooms, Progress(), accept=OTHER_SHA256)

    assert not obtained.proven
    assert obtained.fetched.path.read_bytes() == OTHER
    (dispute,) = rooms.catalog.disputes.accepted(OTHER_SHA256.digits)
    assert dispute.accepted_at is not None


def test_other_bytes_than_those_that_were_accepted_are_refused_as_before(one, rooms, wanted):
    file = wanted(one.serve("model", OTHER))
    third = Hash.parse("sha256:" + "1" * 64)

    with pytest.raises(HashDisputed) as caught:
        obtain(file, rooms, Progress(), accept=third)

    assert caught.value.seen == str(OTHER_SHA256)
    assert rooms.catalog.disputes.accepted(third.digits) == ()


def test_the_promised_bytes_are_proven_whatever_else_would_be_accepted(one, rooms, wanted):
    file = wanted(one.serve("model", CONTENT))

    obtained = obtain(file, rooms, Progress(), accept=OTHER_SHA256)

    assert obtained.proven
    assert obtained.dispute is None
    assert rooms.catalog.disputes.about(SHA256) == ()


def test_what_happens_is_said(one, two, rooms, wanted):
    heard = Heard()
    urls = one.serve("model", flipped(MIB)), two.serve("model", flipped(21 * MIB))

    obtain(wanted(*urls), rooms, heard)

    told = "\n".join(heard.lines)
    assert f"{urls[0]}: the bytes of model.bin are not the promised ones" in told
    assert "reads differ in 2 pieces; trying which of them is right" in told
    assert "model.bin: 1 of 6 pieces were put right" in told
