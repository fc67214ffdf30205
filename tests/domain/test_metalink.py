"""Metalink documents: what RFC 5854 asks for, whatever the names are."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.metalink import MetalinkFile, document, piece_length, xml_text
from registry.domain.pieces import PIECE_BYTES, count_pieces
from tests.factories import make_hash

META = "{urn:ietf:params:xml:ns:metalink}"


def make_file(**changes):
    return MetalinkFile(
        **{
            "name": "a.safetensors",
            "size_bytes": 10,
            "sha256": make_hash().digits,
            "piece_bytes": 4,
            "pieces": tuple(make_hash(of=f"piece {n}").digits for n in range(3)),
            "addresses": ("https://one.example/a", "https://two.example/a"),
            **changes,
        }
    )


def parsed(*files):
    return ET.fromstring(document(files, generator="sdreg/0"))


def test_a_document_holds_what_the_rfc_asks_for_in_its_namespace():
    file = make_file()

    root = parsed(file)
    (entry,) = root.findall(f"{META}file")

    assert root.tag == f"{META}metalink"
    assert root.findtext(f"{META}generator") == "sdreg/0"
    assert entry.get("name") == file.name
    assert entry.findtext(f"{META}size") == "10"
    (whole,) = entry.findall(f"{META}hash")
    assert (whole.get("type"), whole.text) == ("sha-256", file.sha256)
    (pieces,) = entry.findall(f"{META}pieces")
    assert (pieces.get("length"), pieces.get("type")) == ("4", "sha-256")
    assert tuple(piece.text for piece in pieces.findall(f"{META}hash")) == file.pieces
    urls = [(url.get("priority"), url.text) for url in entry.findall(f"{META}url")]
    assert urls == [("1", "https://one.example/a"), ("2", "https://two.example/a")]


def test_a_file_without_bytes_has_no_pieces_and_one_without_addresses_no_url():
    (entry,) = parsed(make_file(size_bytes=0, pieces=(), addresses=())).findall(f"{META}file")

    assert entry.find(f"{META}pieces") is None
    assert entry.find(f"{META}url") is None


@given(st.text(min_size=1).filter(lambda text: not set(text) & set("/\\")), st.text())
def test_any_text_stays_a_text_and_the_document_is_plain_ascii(name, address):
    if name in {".", ".."}:
        return
    text = document([make_file(name=name, addresses=(address,))], generator="sdreg/0")

    (entry,) = ET.fromstring(text).findall(f"{META}file")

    assert text.isascii()
    assert entry.get("name") == xml_text(name)
    lines = (entry.findtext(f"{META}url") or "").splitlines()  # a parser may fold CR into LF
    assert lines == xml_text(address).replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "a\\b", "/a"])
def test_a_path_is_no_name(name):
    with pytest.raises(ValueError, match="is not the name of a file"):
        make_file(name=name)


def test_there_is_a_hash_for_every_piece():
    with pytest.raises(ValueError, match="10 bytes have 3 pieces"):
        make_file(pieces=("ab",))


@given(st.integers(min_value=0, max_value=2**50))
def test_a_file_of_any_length_has_few_pieces_of_whole_4_mib(size_bytes):
    length = piece_length(size_bytes)

    assert length % PIECE_BYTES == 0
    assert count_pieces(size_bytes, length) <= 32_768
    assert length == PIECE_BYTES or count_pieces(size_bytes, length // 2) > 32_768
