import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.hashes import Hash, Hashes, HashKind
from tests.factories import make_hash, make_hashes

LENGTHS = [
    (HashKind.SHA256, 64),
    (HashKind.BLAKE3, 64),
    (HashKind.AUTOV1, 8),
    (HashKind.AUTOV2, 10),
    (HashKind.AUTOV3, 12),
    (HashKind.AUTOV3, 64),
    (HashKind.CRC32, 8),
]


@pytest.mark.parametrize(("kind", "length"), LENGTHS)
def test_a_hash_has_as_many_digits_as_its_kind(kind, length):
    assert str(Hash(kind, "A" * length)) == f"{kind}:{'a' * length}"
    for wrong in {length - 1, length + 1, 7, 65} - {n for k, n in LENGTHS if k is kind}:
        with pytest.raises(ValueError, match=f"a {kind} has .* digits, not {wrong}"):
            Hash(kind, "a" * wrong)


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "g" * 64,
        "0x" + "a" * 62,
        "a" * 32 + " " + "a" * 31,
        "a" * 63 + "\N{ARABIC-INDIC DIGIT ONE}",
    ],
    ids=["nothing", "letters", "prefix", "space", "foreign digits"],
)
def test_only_hexadecimal_digits_make_a_hash(digits):
    with pytest.raises(ValueError, match="is not hexadecimal"):
        Hash(HashKind.SHA256, digits)


@pytest.mark.parametrize(
    "text", ["md5:" + "a" * 32, "a" * 64, "", ":", "sha256", "sha256:", "sha-256:aa"]
)
def test_a_text_that_is_no_hash_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        Hash.parse(text)


@given(st.sampled_from(LENGTHS), st.data())
def test_every_hash_reads_back_what_it_prints(kind_and_length, data):
    kind, length = kind_and_length
    digits = data.draw(st.text("0123456789abcdefABCDEF", min_size=length, max_size=length))
    once = Hash(kind, digits)
    assert Hash.parse(str(once)) == once
    assert Hash.parse(f" {kind.upper()} : {digits.upper()} ") == once


FULL = "5d1f" + "0" * 60


@pytest.mark.parametrize(
    ("one", "other", "proves"),
    [
        (f"sha256:{FULL}", f"sha256:{FULL}", True),
        (f"sha256:{FULL}", f"autov2:{FULL[:10]}", True),
        (f"autov2:{FULL[:10]}", f"sha256:{FULL}", False),
        (f"autov3:{FULL}", f"autov3:{FULL[:12]}", True),
        (f"autov3:{FULL[:12]}", f"autov3:{FULL}", False),
        (f"sha256:{FULL}", f"autov1:{FULL[:8]}", False),
        (f"sha256:{FULL}", f"autov3:{FULL[:12]}", False),
        (f"sha256:{FULL}", f"blake3:{FULL}", False),
        (f"crc32:{FULL[:8]}", f"autov1:{FULL[:8]}", False),
        (f"sha256:{FULL}", "sha256:" + "1" * 64, False),
    ],
)
def test_a_hash_proves_what_follows_from_it_and_nothing_else(one, other, proves):
    assert Hash.parse(one).proves(Hash.parse(other)) is proves


@given(st.binary(max_size=64))
def test_the_sha256_of_any_bytes_proves_their_autov2(data):
    digits = hashlib.sha256(data).hexdigest()
    assert Hash(HashKind.SHA256, digits).proves(Hash(HashKind.AUTOV2, digits[:10]))


def test_hashes_of_one_file_are_kept_in_one_order_whatever_order_they_came_in():
    one, other = make_hash(HashKind.SHA256), make_hash(HashKind.BLAKE3)
    assert Hashes((one, other)) == Hashes((other, one))
    assert list(Hashes((one, other))) == [other, one]


def test_two_hashes_of_one_kind_are_no_description_of_one_file():
    with pytest.raises(ValueError, match="two hashes of one kind"):
        Hashes((make_hash(of="this"), make_hash(of="that")))


def test_collecting_keeps_the_first_of_each_kind():
    first, second = make_hash(of="this"), make_hash(of="that")
    assert Hashes.collect([first, second]) == Hashes((first,))


@pytest.mark.parametrize(
    ("kinds", "can_prove"),
    [
        ([HashKind.SHA256], True),
        ([HashKind.BLAKE3], True),
        ([HashKind.AUTOV2, HashKind.AUTOV1, HashKind.AUTOV3, HashKind.CRC32], False),
    ],
)
def test_only_a_whole_cryptographic_hash_can_prove_a_file(kinds, can_prove):
    assert make_hashes(*kinds).can_prove is can_prove


def test_nothing_known_proves_nothing_and_contradicts_nothing():
    nothing = Hashes()
    assert not nothing
    assert not nothing.can_prove
    assert (nothing.sha256, nothing.blake3) == (None, None)
    assert nothing.contradictions(make_hashes()) == ()
    assert make_hashes().contradictions(nothing) == ()


@pytest.mark.parametrize(
    ("known", "measured", "contradictions"),
    [
        (f"sha256:{FULL}", f"sha256:{FULL}", 0),
        (f"sha256:{FULL}", "sha256:" + "1" * 64, 1),
        (f"autov3:{FULL[:12]}", f"autov3:{FULL}", 0),
        (f"autov3:{FULL}", f"autov3:{FULL[:12]}", 0),
        ("autov3:" + "1" * 12, f"autov3:{FULL}", 1),
        (f"autov2:{FULL[:10]}", f"sha256:{FULL}", 0),
        ("autov2:" + "1" * 10, f"sha256:{FULL}", 1),
        (f"sha256:{FULL}", "autov2:" + "1" * 10, 1),
        ("crc32:11111111", f"sha256:{FULL}", 0),
        ("blake3:" + "1" * 64, f"sha256:{FULL}", 0),
    ],
)
def test_a_contradiction_is_two_hashes_that_no_one_file_can_have(known, measured, contradictions):
    pairs = Hashes.of(known).contradictions(Hashes.of(measured))
    assert len(pairs) == contradictions
    assert all(pair == (Hash.parse(known), Hash.parse(measured)) for pair in pairs)
