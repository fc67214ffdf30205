import unicodedata
from pathlib import Path

import pathvalidate
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.store.paths import (
    MAX_NAME_BYTES,
    blob_path,
    piece_map_path,
    safe_name,
    same_name,
    split_name,
    with_hash,
)

ROOT = Path("/sdreg")
SHA256 = "ab" * 32

# Any text at all, and texts made of what is dangerous.
DANGEROUS = [
    *'./\\:*?"<>|~ aAxX-_\0\n\t\r',
    *("con", "aux", "nul", "com1", "\x1b[31m", ".vae", ".safetensors"),
    *("é", "e\u0301", "\u202e", "\u200b", "\ud800", "\U0001f600", "日", "²", "\u00a0", "\u0344"),
]
TEXTS = st.text(max_size=300) | st.lists(st.sampled_from(DANGEROUS), max_size=200).map("".join)


def test_a_blob_lies_under_its_hash():
    assert blob_path(ROOT, SHA256) == ROOT / "blobs" / "sha256" / "ab" / SHA256
    assert piece_map_path(ROOT, SHA256) == ROOT / "blobs" / "sha256" / "ab" / f"{SHA256}.json"


@pytest.mark.parametrize("text", ["", "ab", "AB" * 32, "../" * 21 + "a", "g" * 64, SHA256 + "\n"])
def test_what_is_no_hash_has_no_place(text):
    with pytest.raises(ValueError, match="not a SHA-256"):
        blob_path(ROOT, text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("anything-v3-fp16-pruned.safetensors", "anything-v3-fp16-pruned.safetensors"),
        ("日本語 モデル.safetensors", "日本語 モデル.safetensors"),
        ("model (1) [v2] {x} & 100% #1's.ckpt", "model (1) [v2] {x} & 100% #1's.ckpt"),
        ("", "model"),
        (".", "model"),
        ("..", "model"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/abs/olute.pt", "_abs_olute.pt"),
        ("C:\\Windows\\x.pt", "C__Windows_x.pt"),
        ("\\\\host\\share", "__host_share"),
        ("a:b", "a_b"),
        ("file.pt:stream", "file.pt_stream"),
        ("CON", "_CON"),
        ("con.txt.safetensors", "_con.txt.safetensors"),
        ("aux.safetensors", "_aux.safetensors"),
        ("nul .pt", "_nul .pt"),
        ("COM¹.pt", "_COM¹.pt"),
        ("console.pt", "console.pt"),
        ("a.", "a"),
        ("a ", "a"),
        ("a . .", "a"),
        (".hidden.pt", "hidden.pt"),
        ("nul\0byte.pt", "nulbyte.pt"),
        ("two\nlines.pt", "two lines.pt"),
        ("\x1b[31mred\x1b[0m.pt", "[31mred[0m.pt"),
        ("safe\u202esrotcetefas.exe", "safesrotcetefas.exe"),
        ("zero\u200bwidth.pt", "zerowidth.pt"),
        ("e\u0301.pt", "é.pt"),
        ("lone\ud800surrogate.pt", "lonesurrogate.pt"),
        ("what?*.pt", "what__.pt"),
    ],
)
def test_a_name_is_made_safe(text, name):
    assert safe_name(text) == name


@pytest.mark.parametrize("sign", ["x", "é", "日", "\U0001f600"])
def test_a_long_name_keeps_its_suffix_and_counts_in_bytes(sign):
    name = safe_name(sign * 300 + ".vae.safetensors")

    assert name.endswith(".vae.safetensors")
    assert MAX_NAME_BYTES - 4 <= len(name.encode()) <= MAX_NAME_BYTES


def test_two_long_names_stay_two():
    assert safe_name("x" * 300 + "1.pt") != safe_name("x" * 300 + "2.pt")


def test_too_little_room_for_a_name_is_a_mistake():
    with pytest.raises(ValueError, match="needs 48 bytes"):
        safe_name("x", max_bytes=10)


@given(TEXTS, st.integers(48, 255))
@example("aux" + " " * 400 + "b", 48)
@example("\u0344" * 200, 48)
@example("a\u200b\u0301", 48)
def test_any_text_becomes_a_name_that_every_platform_takes(text, max_bytes):
    name = safe_name(text, max_bytes=max_bytes)

    assert 0 < len(name.encode()) <= max_bytes
    assert pathvalidate.is_valid_filename(name, platform="universal")
    assert not set(name) & set('<>:"/\\|?*')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert unicodedata.is_normalized("NFC", name)
    assert all(unicodedata.category(sign) not in {"Cc", "Cf", "Cs"} for sign in name)


@given(TEXTS, st.integers(48, 255))
def test_a_safe_name_stays_as_it_is(text, max_bytes):
    name = safe_name(text, max_bytes=max_bytes)

    assert safe_name(name, max_bytes=max_bytes) == name


@given(TEXTS)
def test_a_safe_name_can_be_created_here(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    path = folder / safe_name(text)
    path.write_bytes(b"x")

    assert path.parent == folder
    assert path.name in [entry.name for entry in folder.iterdir()]
    path.unlink()


@given(TEXTS)
def test_a_name_with_a_hash_is_as_safe_as_the_name(text):
    name = with_hash(safe_name(text), SHA256)

    assert safe_name(name) == name
    assert "-abababab" in name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("v1.5-pruned.safetensors", ("v1.5-pruned", ".safetensors")),
        ("x.VAE.pt", ("x", ".VAE.pt")),
        ("model", ("model", "")),
        (".safetensors", (".safetensors", "")),
        ("Mr. Model", ("Mr. Model", "")),
    ],
)
def test_a_name_is_split_before_its_suffix(name, parts):
    assert split_name(name) == parts


def test_names_that_differ_by_case_or_spelling_are_one():
    assert same_name("Ink.safetensors", "ink.SafeTensors")
    assert same_name("caf\u00e9", "cafe\u0301")
    assert not same_name("ink", "inc")
