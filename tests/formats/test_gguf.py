"""The header of a GGUF file: what is read, what is refused, and that it is bounded."""

import struct
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import MalformedHeader, UnreadableFile
from registry.formats.gguf import read_gguf, read_index
from registry.formats.readable import Readable
from registry.operations.inspect import inspect_file
from tests.formats.gguf_file import gguf, text

KEY = "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
UNET = {
    "input_blocks.0.0.weight": ("F16", (320, 4, 3, 3)),
    "time_embed.0.weight": ("F16", (1280, 320)),
    KEY: ("Q4_K", (320, 768)),
}


def in_memory(content):
    return Readable("m.gguf", len(content), lambda begin, end: content[begin:end])


def read(content):
    return read_gguf(in_memory(content))


def test_names_shapes_and_places_are_those_that_a_loader_sees():
    index = read(gguf(UNET))
    by_name = {tensor.name: tensor for tensor in index.tensors}

    assert index.shapes() == {name: shape for name, (_, shape) in UNET.items()}
    assert by_name[KEY].dtype == "Q4_K"
    assert by_name[KEY].end - by_name[KEY].begin == 320 * 768 // 256 * 144
    assert all(tensor.begin % 32 == 0 for tensor in index.tensors)


def test_metadata_become_texts_and_long_lists_their_length():
    metadata = {
        "general.architecture": "flux",
        "general.name": "a name",
        "yes": True,
        "size": -7,
        "few": ["a", "b"],
        "many": ["word"] * 1000,
        "numbers": list(range(1000)),
    }

    assert read(gguf({}, metadata)).metadata == {
        "general.architecture": "flux",
        "general.name": "a name",
        "yes": "true",
        "size": "-7",
        "few": "a, b",
        "many": "a list of 1,000",
        "numbers": "a list of 1,000",
    }


def test_a_model_in_a_gguf_file_is_known(tmp_path):
    path = tmp_path / "unet.gguf"
    path.write_bytes(gguf(UNET))
    found = inspect_file(path)

    assert (found.format, found.tensors) == ("gguf", 3)
    assert (found.identity.model_type, found.identity.architecture) == ("diffusion-model", "sd1")


@pytest.mark.parametrize(("dtype", "precision"), [("Q4_K", "int4"), ("Q8_0", "int8"), (13, None)])
def test_a_precision_without_a_name_of_ours_is_not_known(tmp_path, dtype, precision):
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf({"a": (dtype, (256, 256))}) + bytes(256 * 176))

    assert inspect_file(path).identity.precision == precision


def test_a_file_of_seven_gigabytes_is_read_by_its_header_alone(tmp_path):
    path = tmp_path / "large.gguf"
    header = gguf({f"blk.{n}": ("F16", (1024, 1024)) for n in range(3500)}, short=3500 * 2**21)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 3500 * 2**21)

    assert len(read_index(path).tensors) == 3500


WRONG = {
    "cut in its counts": (gguf({})[:20], "ends in the middle"),
    "cut in a text": (gguf({}, {"key": "v" * 500})[:100], "ends in the middle"),
    "cut in its tensors": (gguf(UNET, short=4000), "it is cut off"),
    "an old version": (gguf({}, version=1), "of version 1"),
    "big-endian": (b"GGUF\0\0\0\3" + bytes(16), "big-endian"),
    "a billion tensors": (gguf({}, counts=(10**9, 0)), "it claims 1,000,000,000 tensors"),
    "a billion pairs": (gguf({}, counts=(0, 10**9)), "1,000,000,000 pairs"),
    "an endless text": (
        gguf({}, {}, counts=(0, 1), alignment=1) + text("key") + struct.pack("<IQ", 8, 2**63),
        "it claims a text of 9,223,372,036,854,775,808 bytes",
    ),
    "an endless list": (
        gguf({}, {}, counts=(0, 1), alignment=1) + text("key") + struct.pack("<IIQ", 9, 8, 2**40),
        "claim a list of 1,099,511,627,776",
    ),
    "an endless list of numbers": (
        gguf({}, {}, counts=(0, 1), alignment=1) + text("key") + struct.pack("<IIQ", 9, 0, 2**63),
        "longer than its header",
    ),
    "a type that nobody knows": (
        gguf({}, {}, counts=(0, 1), alignment=1) + text("key") + struct.pack("<I", 77),
        "unknown type 77",
    ),
    "a tensor of too many sides": (gguf({"a": ("F32", (1,) * 9)}), "claims 9 sides"),
    "a tensor that overflows": (gguf({"a": ("F32", (2**40, 2**40))}, short=2**90), "larger than"),
    "an alignment of zero": (gguf({}, {"general.alignment": 0}), "no number of bytes"),
}


@pytest.mark.parametrize(("content", "because"), WRONG.values(), ids=WRONG)
def test_what_breaks_a_rule_is_refused_with_the_rule(content, because):
    with pytest.raises(MalformedHeader) as refusal:
        read(content)

    assert because in str(refusal.value)


def test_a_header_that_goes_on_for_ever_is_given_up():
    head = gguf({}, {}, counts=(0, 10_000), alignment=1)
    one = struct.pack("<I", 8) + text("v" * 1_000_000)
    content = head + b"".join(text(str(number)) + one for number in range(80))

    tracemalloc.start()
    try:
        with pytest.raises(MalformedHeader, match="longer than 67,108,864 bytes"):
            read(content)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 20_000_000


def test_many_small_values_are_bounded_in_time():
    head = gguf({}, {}, counts=(0, 10_000), alignment=1)
    items = struct.pack("<IIQ", 9, 8, 900_000) + struct.pack("<Q", 0) * 900_000
    content = head + b"".join(text(str(number)) + items for number in range(9))

    begun_s = time.monotonic()
    with pytest.raises(MalformedHeader, match="more than 1,000,000 values"):
        read(content)

    assert time.monotonic() - begun_s < 10


def test_a_file_that_is_not_there_is_our_own_error(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        read_index(tmp_path / "nothing.gguf")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(rest):
    _read_or_refuse(b"GGUF" + rest)


@given(st.data())
def test_any_flipped_byte_is_read_or_refused(data):
    content = bytearray(gguf(UNET, {"general.architecture": "sd1", "list": ["a", "b"]}))[:600]
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(content) + bytes(500_000))


def _read_or_refuse(content):
    try:
        index = read(content)
    except MalformedHeader:
        return
    assert all(0 < tensor.begin <= tensor.end <= len(content) for tensor in index.tensors)
