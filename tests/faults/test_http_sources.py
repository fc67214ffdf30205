"""Rows 42 to 44 of the faults: bytes that are wrong in themselves, and sources that disagree."""

from registry.domain.pieces import PIECE_BYTES
from registry.errors import TransferError
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
from tests.servers.model_server import Trouble

SMALL = weights(300 * KIB)
LARGE = weights(18 * MIB)
OTHER = weights(300 * KIB, seed=2)


def test_row_42_a_flipped_bit_on_the_way_is_found_and_fetched_again(house, server):
    script = [{"flip_at": 200 * KIB}, {}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, SMALL)


def test_row_42_a_bit_that_flips_every_time_comes_from_the_other_source(house, hub, other_server):
    hub.serve(AT_CIVITAI, SMALL, flip_at=200 * KIB)
    other_server.serve(AT_HUGGINGFACE, SMALL)
    house.knows(SMALL, CIVITAI, HUGGINGFACE)

    house.installs("noise", SMALL)


def test_row_42_a_flipped_bit_in_what_is_stored_costs_one_piece(house, hub):
    hub.serve(AT_CIVITAI, LARGE)
    house.knows(LARGE, CIVITAI)
    blob = house.installs("noise", LARGE).blob
    before = hub.sent_bytes(AT_CIVITAI)
    blob.path.chmod(0o644)
    with blob.path.open("r+b") as stored:
        stored.seek(9 * MIB)
        stored.write(bytes([LARGE[9 * MIB] ^ 1]))

    house.registry().repair()

    (path,) = {path.resolve() for path in house.final_files() if "blobs" in path.parts}
    assert path.read_bytes() == LARGE
    assert hub.sent_bytes(AT_CIVITAI) - before <= 2 * PIECE_BYTES


def test_row_43_a_published_hash_that_is_wrong_is_not_overruled_in_silence(
    house, hub, other_server
):
    hub.serve(AT_CIVITAI, OTHER)
    other_server.serve(AT_HUGGINGFACE, OTHER)
    house.knows(SMALL, CIVITAI, HUGGINGFACE)

    error = house.refuses("noise", TransferError)

    assert sha256_of(SMALL) in str(error)
    assert sha256_of(OTHER) in str(error)


def test_row_44_of_two_sources_the_bad_one_is_left_for_the_good_one(house, hub, other_server):
    hub.serve(AT_CIVITAI, OTHER)
    other_server.serve(AT_HUGGINGFACE, SMALL)
    house.knows(SMALL, CIVITAI, HUGGINGFACE)

    done = house.installs("noise", SMALL)

    assert done.install.source.startswith("hf:")
    assert len(hub.seen(AT_CIVITAI)) <= 2, "asked once more past all caches, and then no more"


def test_row_44_what_a_dying_source_brought_is_continued_from_the_other(house, hub, other_server):
    hub.serve(AT_CIVITAI, LARGE, cut_at=13 * MIB, troubles=(Trouble(500, after=1),))
    other_server.serve(AT_HUGGINGFACE, LARGE)
    house.knows(LARGE, CIVITAI, HUGGINGFACE)

    house.installs("noise", LARGE, connections=1)

    assert other_server.sent_bytes(AT_HUGGINGFACE) <= len(LARGE) - 12 * MIB + PIECE_BYTES


def test_a_second_read_that_somebody_was_killed_over_does_not_lie_there_for_ever(house, hub):
    hub.serve(AT_CIVITAI, SMALL)
    house.knows(SMALL, CIVITAI)
    left = house.home / "partial" / f"{sha256_of(SMALL)}.2.part"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(OTHER)

    house.installs("noise", SMALL)

    assert not list(left.parent.glob("*.part"))
