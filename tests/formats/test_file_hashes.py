"""Every hash of a file, after the definitions of those who publish them."""

import hashlib
import json
import zlib

import numpy as np
import pytest
from blake3 import blake3
from safetensors.numpy import save

import registry
from registry.domain.hashes import Hash, HashKind
from registry.errors import UnreadableFile
from registry.formats.file_hashes import hash_file
from registry.operations.inspect import inspect_file

MIB = 1024 * 1024


def written(tmp_path, content):
    path = tmp_path / "model"
    path.write_bytes(content)
    return path


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_every_kind_is_what_its_definition_says(tmp_path):
    content = save({"a": np.arange(900_000, dtype=np.float32)}, {"note": "x"})
    begin = 8 + int.from_bytes(content[:8], "little")
    found = hash_file(written(tmp_path, content), tensors_begin=begin)

    assert {item.kind: item.digits for item in found.hashes} == {
        HashKind.SHA256: sha256(content),
        HashKind.AUTOV1: sha256(content[MIB : MIB + 65536])[:8],
        HashKind.AUTOV2: sha256(content)[:10],
        HashKind.AUTOV3: sha256(content[begin:]),
        HashKind.BLAKE3: blake3(content).hexdigest(),
        HashKind.CRC32: zlib.crc32(content).to_bytes(4, "little").hex(),
    }
    assert found.addnet == sha256(content[begin:])


def test_a_file_of_several_chunks_is_hashed_like_one(tmp_path):
    content = np.random.default_rng(1).bytes(20 * MIB + 17)
    hashes = hash_file(written(tmp_path, content)).hashes

    assert hashes.sha256 == sha256(content)
    assert hashes.blake3 == blake3(content).hexdigest()


@pytest.mark.parametrize("size_bytes", [0, 7, MIB, 2 * MIB - 1])
def test_a_file_below_2_mib_has_no_autov1(tmp_path, size_bytes):
    hashes = hash_file(written(tmp_path, bytes(size_bytes))).hashes

    assert hashes.get(HashKind.AUTOV1) is None


def test_an_autov1_is_told_without_reading_the_file(tmp_path):
    content = np.random.default_rng(2).bytes(2 * MIB)
    found = inspect_file(written(tmp_path, b"PK\x05\x06" + content), hashes=False)

    assert found.hashes == {"autov1": sha256((b"PK\x05\x06" + content)[MIB : MIB + 65536])[:8]}


def test_the_autov3_of_a_pickle_begins_at_its_ninth_byte(tmp_path):
    content = b"PK\x03\x04\x14\0\0\0 and the rest of it"
    found = hash_file(written(tmp_path, content))

    assert found.hashes.get(HashKind.AUTOV3) == Hash(HashKind.AUTOV3, sha256(content[8:]))
    assert found.addnet is None


def test_a_header_over_16_mib_is_skipped_for_addnet_but_not_for_autov3(tmp_path):
    content = save({"a": np.ones(3, np.float32)}, {"long": "x" * 17 * MIB})
    begin = 8 + int.from_bytes(content[:8], "little")
    found = hash_file(written(tmp_path, content), tensors_begin=begin)

    autov3 = found.hashes.get(HashKind.AUTOV3)
    assert autov3 is not None
    assert autov3.digits == sha256(content[8:])
    assert found.addnet == sha256(content[begin:])


@pytest.mark.parametrize("content", [b"", b"short", save({}), save({"a": np.zeros((0, 4))})])
def test_the_hash_of_nothing_is_never_given_out(tmp_path, content):
    begin = 8 + int.from_bytes(content[:8], "little")
    found = hash_file(written(tmp_path, content), tensors_begin=begin)

    assert found.hashes.get(HashKind.AUTOV3) is None
    assert found.addnet is None


def test_a_file_that_is_not_there_is_our_own_error(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        registry.hash_file(tmp_path / "nothing")


def published(real_files):
    """SHA-256 to what the world knows about the file."""
    document = json.loads((real_files.parent / "catalog" / "facts.json").read_text("utf-8"))
    return {
        file["sha256"]: file
        for model in document["models"]
        for version in model["versions"]
        for file in version["files"]
        if file["sha256"]
    }


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    ["EasyNegative.safetensors", "EasyNegative.pt", "badhandv4.pt", "bad-hands-5.pt"],
)
def test_real_files_have_the_hashes_that_were_published(real_files, name):
    path = real_files / "embeddings" / name
    hashes = registry.hash_file(path)
    facts = published(real_files)[hashes.sha256]
    told = {kind: facts[kind] for kind in ("autov1", "autov2", "autov3", "blake3", "crc32")}
    known = {kind: digits.lower() for kind, digits in told.items() if digits}

    assert known
    for kind, digits in known.items():
        assert hashes.get(HashKind(kind)) == Hash(HashKind(kind), digits), kind


@pytest.mark.real
def test_the_public_hash_of_a_real_torch_file_is_found(real_files):
    digits = registry.hash_file(real_files / "torch" / "vae-approx.pt").sha256

    assert digits == "4f88c9078bb2238cdd0d8864671dd33e3f42e091e41f08903f3c15e4a54a9b39"
