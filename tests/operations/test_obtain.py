"""What counts as proof, and which failure is told."""

from pathlib import Path

import pytest

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import FetchedFile
from registry.domain.pieces import PieceMap
from registry.domain.progress import Progress
from registry.domain.source import Source
from registry.errors import GoneFromHub, HashMismatch, LoginRequired
from registry.operations.obtain import obtain
from registry.operations.prove import prove
from registry.operations.sources import part_key
from tests.factories import make_file, make_hash, make_source

MEASURED = Hashes(
    (
        make_hash(HashKind.SHA256),
        make_hash(HashKind.AUTOV2),
        make_hash(HashKind.BLAKE3),
        make_hash(HashKind.CRC32),
    )
)
FETCHED = FetchedFile(Path("x"), 0, MEASURED, PieceMap(0, ()), 0)
WHO = {"file_name": "x.safetensors", "source": make_source()}


def test_a_matching_sha256_is_a_proof():
    assert prove(FETCHED, Hashes((make_hash(),)), **WHO) is True


def test_a_matching_sha256_outweighs_a_lesser_hash_that_differs():
    known = Hashes((make_hash(), make_hash(HashKind.CRC32, of="something else")))

    assert prove(FETCHED, known, **WHO) is True


def test_without_a_sha256_every_known_hash_must_match():
    known = Hashes((make_hash(HashKind.BLAKE3), make_hash(HashKind.CRC32, of="something else")))

    with pytest.raises(HashMismatch, match="expected crc32:"):
        prove(FETCHED, known, **WHO)


def test_a_short_hash_is_compared_but_proves_nothing():
    assert prove(FETCHED, Hashes((make_hash(HashKind.AUTOV2),)), **WHO) is False
    with pytest.raises(HashMismatch):
        prove(FETCHED, Hashes((make_hash(HashKind.AUTOV2, of="something else"),)), **WHO)


def test_nothing_known_is_no_proof():
    assert prove(FETCHED, Hashes(), **WHO) is False


def test_the_part_is_named_by_content_where_that_is_known():
    file = make_file()
    one, other = make_source(), make_source(hub="huggingface")

    assert part_key(file, one) == part_key(file, other) == file.hashes.sha256
    nameless = make_file(hashes=Hashes())
    assert part_key(nameless, one) != part_key(nameless, other)


def test_a_file_without_any_source_is_gone(rooms):
    file = make_file(sources=(), hashes=Hashes((make_hash(of="nobody has this"),)))

    with pytest.raises(GoneFromHub, match="no source of it is known"):
        obtain(file, rooms, Progress())


def test_a_login_that_is_missing_is_told_before_a_source_that_is_gone(rooms, hub, hosted):
    hub.demand_token()
    file = make_file(
        name=hosted.name,
        size_bytes=hosted.size_bytes,
        hashes=Hashes((Hash(HashKind.SHA256, hosted.hashes["SHA256"]),)),
        sources=(
            Source("huggingface", model="long/gone", file="x.safetensors"),
            Source("civitai", model="901", version="902", file="903"),
        ),
    )

    with pytest.raises(LoginRequired):
        obtain(file, rooms, Progress())


def test_a_file_that_the_hub_replaced_is_not_even_fetched(rooms, hub, hosted):
    file = make_file(
        name=hosted.name,
        size_bytes=None,
        hashes=Hashes((make_hash(of="the old file"),)),
        sources=(Source("civitai", model="901", version="902"),),
    )

    with pytest.raises(HashMismatch, match="says the hub"):
        obtain(file, rooms, Progress())
    assert not [request for request in hub.requests if request.host == "localhost"]
