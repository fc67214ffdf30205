"""Any order of arrival gives the same hashes, and lies of a journal are found out."""

import hashlib
import itertools
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.hashes import HashKind
from registry.transfer.coverage import Coverage
from registry.transfer.hasher import Hasher, measure_piece
from tests.transfer.bench import some_bytes


def measure(content, arrivals, *, claims=None, lost=None, size_known=True, piece=64, upto=1 << 40):
    """Let `arrivals` (begin, end) come in this order."""
    file = bytearray(content)

    def read(offset, buffer):
        buffer[:] = file[offset : offset + len(buffer)]

    coverage = Coverage(
        len(content) if size_known else None, claims=claims, lost=lost, piece_bytes=piece
    )
    hasher = Hasher(coverage, read, autov3_up_to_bytes=upto)
    with ThreadPoolExecutor(3) as executor:
        hasher.start(executor)
        for begin, end in arrivals:
            coverage.arrive(begin, end - begin)
        if not size_known:
            coverage.close(len(content))
    assert hasher.is_done
    return hasher.result()


@settings(max_examples=60)
@given(data=st.data(), size=st.integers(1, 1500))
def test_any_interleaving_gives_the_same_hashes(data, size):
    content = some_bytes(size)
    cuts = sorted({0, size, *data.draw(st.lists(st.integers(0, size), max_size=12))})
    stretches = data.draw(st.permutations(list(itertools.pairwise(cuts))))

    hashes, pieces = measure(content, stretches)

    assert hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert hashes.blake3 == blake3(content).hexdigest()
    assert hashes.get(HashKind.CRC32).digits == zlib.crc32(content).to_bytes(4, "little").hex()
    assert hashes.get(HashKind.AUTOV2).digits == hashes.sha256[:10]
    assert pieces.digests == tuple(
        blake3(content[begin : begin + 64]).hexdigest() for begin in range(0, size, 64)
    )


@settings(max_examples=60)
@given(content=st.binary(min_size=1, max_size=300), header=st.booleans())
def test_a_file_of_one_piece_has_the_same_hashes_in_one_go(content, header):
    if header:
        content = len(content).to_bytes(8, "little") + b"{" + content

    found = measure(content, [(0, len(content))], piece=4 << 20)

    assert measure_piece(memoryview(content), autov3_up_to_bytes=1 << 40) == found


def test_a_long_file_of_one_piece_has_an_autov1_in_one_go():
    content = some_bytes(0x200000)

    found = measure(content, [(0, len(content))], piece=4 << 20)

    assert measure_piece(memoryview(content), autov3_up_to_bytes=0) == found


@pytest.mark.parametrize("size", [0, 1, 64, 65, 128])
def test_a_stream_of_unknown_length_is_hashed_to_its_end(size):
    content = some_bytes(size)

    hashes, pieces = measure(content, [(0, size)] if size else [], size_known=False)

    assert hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert pieces.size_bytes == size


def test_autov1_needs_two_mebibytes():
    content = some_bytes(0x200000)
    stretch = content[0x100000:0x110000]

    long, _ = measure(content, [(0, len(content))], piece=4 << 20)
    short, _ = measure(content[:-1], [(0, len(content) - 1)], piece=4 << 20)

    assert long.get(HashKind.AUTOV1).digits == hashlib.sha256(stretch).hexdigest()[:8]
    assert short.get(HashKind.AUTOV1) is None


def test_autov3_is_the_hash_of_everything_behind_the_header():
    header = json.dumps({"__metadata__": {"a": "b"}}).encode()
    tensors = some_bytes(1000)
    content = len(header).to_bytes(8, "little") + header + tensors

    hashes, _ = measure(content, [(500, len(content)), (0, 500)])

    assert hashes.get(HashKind.AUTOV3).digits == hashlib.sha256(tensors).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        b"short",
        some_bytes(400),
        (10**9).to_bytes(8, "little") + b"{}" + bytes(100),
        (4).to_bytes(8, "little") + b"abcd" + bytes(100),
    ],
)
def test_a_file_that_is_no_safetensors_has_no_autov3(content):
    hashes, _ = measure(content, [(0, len(content))])

    assert hashes.get(HashKind.AUTOV3) is None


def test_a_long_file_is_spared_the_second_sha256():
    content = (2).to_bytes(8, "little") + b"{}" + bytes(100)

    hashes, _ = measure(content, [(0, len(content))], upto=50)

    assert hashes.get(HashKind.AUTOV3) is None


def test_claims_are_hashed_before_they_are_trusted():
    content = some_bytes(256)
    claims = {0: blake3(content[:64]).hexdigest(), 2: "ab" * 32}
    fetched_again = []
    coverage_of = {}

    def lost(begin, end):
        fetched_again.append((begin, end))
        coverage_of["it"].arrive(begin, end - begin)

    coverage = coverage_of["it"] = Coverage(256, claims=claims, lost=lost, piece_bytes=64)
    hasher = Hasher(
        coverage,
        lambda at, buffer: buffer.__setitem__(slice(None), content[at : at + len(buffer)]),
        autov3_up_to_bytes=0,
    )
    with ThreadPoolExecutor(3) as executor:
        hasher.start(executor)
        coverage.arrive(64, 64)
        coverage.arrive(192, 64)

    assert hasher.result()[0].sha256 == hashlib.sha256(content).hexdigest()
    assert fetched_again == [(128, 192)]


def test_a_journal_names_settled_pieces_and_claims_nobody_looked_at():
    coverage = Coverage(256, claims={3: "cd" * 32}, piece_bytes=64)
    coverage.arrive(0, 64)
    coverage.arrive(64, 10)

    assert coverage.settle(0, "ab" * 32)
    assert coverage.digests() == {0: "ab" * 32, 3: "cd" * 32}


def test_everybody_goes_home_when_told():
    coverage = Coverage(256, piece_bytes=64)
    hasher = Hasher(coverage, lambda at, buffer: None, autov3_up_to_bytes=0)
    with ThreadPoolExecutor(3) as executor:
        hasher.start(executor)
        hasher.stop()
    assert hasher.is_done


def test_a_crc32_has_the_order_of_bytes_in_which_civitai_publishes_it():
    # 123456789 has 0xcbf43926 in every description of the sum.
    hashes, _ = measure(b"123456789", [(0, 9)])

    assert hashes.get(HashKind.CRC32).digits == "2639f4cb"
