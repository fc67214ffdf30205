import json

import pytest

from registry.store.piecemaps import BlobRecord, load, save
from tests.store.bytes_on_disk import SHA256, WEIGHTS, piece_map

RECORD = BlobRecord(SHA256, len(WEIGHTS), "cd" * 32, piece_map(WEIGHTS), {"slug": "ink"})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "blob.json"


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        BlobRecord(SHA256, 5),
        BlobRecord(SHA256, 0, None, piece_map(b""), {"name": "日本語\n\x1b"}),
        BlobRecord(SHA256, 5, facts={"slug": "ink"}, further=({"slug": "pen"},)),
        BlobRecord(SHA256, 5, facts={"slug": "ink"}, further=None),
    ],
)
@pytest.mark.parametrize("durable", [True, False])
def test_what_was_saved_is_loaded(path, record, durable):
    save(path, record, durable=durable)

    assert load(path, SHA256) == record
    assert [entry.name for entry in path.parent.iterdir()] == ["blob.json"]


def test_the_newer_document_takes_the_place_of_the_older(path):
    save(path, BlobRecord(SHA256, 5), durable=False)
    save(path, RECORD, durable=False)

    assert load(path, SHA256) == RECORD


def test_a_document_of_another_blob_counts_as_absent(path):
    save(path, RECORD, durable=False)

    assert load(path, "ab" * 32) is None


def test_no_document_is_no_trouble(path):
    assert load(path, SHA256) is None


def test_a_torn_document_counts_as_absent_wherever_it_was_torn(path):
    save(path, RECORD, durable=False)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert load(path, SHA256) is None


def test_a_rotten_byte_makes_a_document_absent_and_never_another_one(path):
    save(path, RECORD, durable=False)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = load(path, SHA256)
        assert found is None or found == RECORD


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"schema": "sdreg.blob/1"}',
        b'{"schema": "something else"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"schema": "sdreg.blob/1", "check": 5, "sha256": NaN}',
    ],
)
def test_a_foreign_document_counts_as_absent(path, text):
    path.write_bytes(text)

    assert load(path, SHA256) is None


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": -1},
        {"size_bytes": "10"},
        {"size_bytes": 10**9},
        {"piece_bytes": 0},
        {"pieces": [1, 2, 3]},
        {"facts": {"slug": 5}},
        {"facts": []},
        {"further": {}},
        {"further": ["ink"]},
        {"further": [{"slug": 5}]},
        {"blake3": 5},
    ],
)
def test_a_document_with_a_right_check_and_wrong_values_counts_as_absent(path, change):
    from registry.store.piecemaps import _check  # noqa: PLC0415 -- only to forge one

    save(path, RECORD, durable=False)
    document = json.loads(path.read_bytes()) | change
    del document["check"]
    document["check"] = _check(document)
    path.write_text(json.dumps(document))

    assert load(path, SHA256) is None


def test_a_link_in_place_of_a_document_is_not_followed(path):
    save(path.with_name("elsewhere"), RECORD, durable=False)
    path.symlink_to(path.with_name("elsewhere"))

    assert load(path, SHA256) is None
