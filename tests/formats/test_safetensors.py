"""The header of a safetensors file: what is read, and what is refused with which rule."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import save

from registry.domain.tensors import TensorInfo
from registry.errors import MalformedHeader, UnreadableFile
from registry.formats.safetensors import (
    autov3_begin,
    check_whole,
    header_bytes,
    parse_header,
    read_index,
)
from registry.taxonomy.identify import identify


def packed(header, data=b"", *, length=None):
    """A file of this header (text or value) and data; the length may lie."""
    if not isinstance(header, bytes):
        header = (header if isinstance(header, str) else json.dumps(header)).encode()
    claimed = len(header) if length is None else length
    return claimed.to_bytes(8, "little") + header + data


def entry(begin, end, dtype="U8", shape=None):
    return {
        "dtype": dtype,
        "shape": [end - begin] if shape is None else shape,
        "data_offsets": [begin, end],
    }


def read(content):
    size = header_bytes(content[:8], size_bytes=len(content), name="m.safetensors")
    return parse_header(content[8 : 8 + size], size_bytes=len(content), name="m.safetensors")


def test_what_the_library_writes_is_read(tmp_path):
    path = tmp_path / "small.safetensors"
    weights = {"b": np.ones((2, 3), np.float16), "a": np.zeros(4, np.float32)}
    path.write_bytes(save(weights, {"format": "pt"}))

    index = read_index(path)

    assert index.metadata == {"format": "pt"}
    assert index.shapes() == {"a": (4,), "b": (2, 3)}
    for tensor in index.tensors:
        stored = path.read_bytes()[tensor.begin : tensor.end]
        assert stored == weights[tensor.name].tobytes()


def test_offsets_count_from_the_start_of_the_file():
    content = packed({"a": entry(0, 2), "b": entry(2, 3)}, b"xyz")
    data = len(content) - 3

    assert read(content).tensors == (
        TensorInfo("a", "U8", (2,), data, data + 2),
        TensorInfo("b", "U8", (1,), data + 2, data + 3),
    )


def test_order_in_the_header_is_no_order_in_the_file():
    assert len(read(packed({"b": entry(2, 3), "a": entry(0, 2)}, b"xyz")).tensors) == 2


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({}, b""),
        ({"__metadata__": {}}, b""),
        ({"a": entry(0, 0, shape=[0])}, b""),
        ({"a": entry(0, 0, shape=[0, 7]), "b": entry(0, 1), "c": entry(1, 1)}, b"x"),
        ({"a": entry(0, 4, "F32", [])}, b"full"),
        ({"a": entry(0, 1, "F4", [2])}, b"x"),
        ({"a": entry(0, 3, "F6_E2M3", [4])}, b"xyz"),
        ({"a": entry(0, 3, "F9_OF_TOMORROW", [77])}, b"xyz"),
        ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}      ', b"x"),
    ],
    ids=[
        "no tensors",
        "empty metadata",
        "an empty tensor",
        "empty tensors between others",
        "a scalar",
        "four bits",
        "six bits",
        "an unknown dtype",
        "padding",
    ],
)
def test_unusual_files_are_read(header, data):
    assert read(packed(header, data)) is not None


@pytest.mark.parametrize(
    "name",
    ["\x1b[31mred", "right\u202eleft", "nul\0", "../../etc/passwd", "x" * 1_000_000, "", "模型"],
    ids=["ansi", "bidi", "nul", "path", "long", "empty", "chinese"],
)
def test_strange_names_are_data(name):
    index = read(packed({name: entry(0, 1), "__metadata__": {name: name}}, b"x"))

    assert index.tensors[0].name == name
    assert index.metadata == {name: name}


ONE = {"a": entry(0, 1)}
ENTRY = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
REFUSED = {
    "an empty file": (b"", "it ends after 0 bytes, before its header"),
    "seven bytes": (b"\0" * 7, "it ends after 7 bytes, before its header"),
    "the line end that an editor left": (b"\r\n", "it ends after 2 bytes"),
    "length zero": (bytes(8), "its header is empty"),
    "a length beyond the file": (packed("{}", length=900), "a header of 900 bytes in a file of 10"),
    "the longest length": (packed("{}", length=2**64 - 1), "a header of 18,446,744,073,709,551"),
    "a length over the limit": (packed("{}", length=100_000_001), "over 100,000,000"),
    "no object": (packed("[]"), "does not begin with {"),
    "space first": (packed(" {}"), "does not begin with {"),
    "a byte order mark": (packed(b"\xef\xbb\xbf{}"), "does not begin with {"),
    "UTF-16": (packed("{}".encode("utf-16")), "does not begin with {"),
    "not UTF-8": (packed(b'{"\xff":1}'), "at byte 10: its header is not UTF-8"),
    "cut JSON": (packed('{"a":'), "its header is not JSON"),
    "two objects": (packed("{}{}"), "at byte 10: its header is not JSON: Extra data"),
    "NUL padding": (packed("{}\0\0"), "its header is not JSON"),
    "NaN": (packed('{"a":NaN}'), "its header holds NaN"),
    "infinity": (packed('{"a":-Infinity}'), "its header holds -Infinity"),
    "a fraction": (packed(f'{{"a":{ENTRY.replace("1]", "1.0]")}}}', b"x"), "the fraction 1.0"),
    "an exponent": (packed('{"a":1e999}'), "the fraction 1e999"),
    "five thousand digits": (packed('{"a":' + "9" * 5000 + "}"), "a number of 5,000 digits"),
    "deep nesting": (packed('{"a":' + "[" * 100_000), "nested too deeply"),
    "a name twice": (packed(f'{{"a":{ENTRY},"a":{ENTRY}}}', b"x"), "names 'a' twice"),
    "a field twice": (
        packed('{"a":' + ENTRY.replace("}", ',"dtype":"U8"}') + "}", b"x"),
        "names 'dtype' twice",
    ),
    "metadata twice": (packed('{"__metadata__":{},"__metadata__":{}}'), "twice"),
    "metadata that is a list": (packed({"__metadata__": []}), "__metadata__ is not an object"),
    "metadata that is null": (packed({"__metadata__": None}), "__metadata__ is not an object"),
    "metadata with a number": (packed({"__metadata__": {"a": 1}}), "something else than text"),
    "half a character": (packed(r'{"\ud800":' + ENTRY + "}", b"x"), "half a character"),
    "half a character in metadata": (
        packed(r'{"__metadata__":{"a":"\udfff"}}'),
        "half a character",
    ),
    "a tensor that is a number": (packed({"a": 1}), "the tensor 'a' is not an object"),
    "no dtype": (packed({"a": {"shape": [], "data_offsets": [0, 0]}}), "has no dtype"),
    "a dtype that is a number": (packed({"a": ONE["a"] | {"dtype": 1}}, b"x"), "has no dtype"),
    "true for one": (packed({"a": ONE["a"] | {"shape": [True]}}, b"x"), "no proper shape"),
    "a negative side": (packed({"a": ONE["a"] | {"shape": [-1]}}, b"x"), "no proper shape"),
    "a shape that is text": (packed({"a": ONE["a"] | {"shape": "1"}}, b"x"), "no proper shape"),
    "three offsets": (packed({"a": ONE["a"] | {"data_offsets": [0, 1, 2]}}, b"x"), "data_offsets"),
    "offsets backwards": (packed({"a": ONE["a"] | {"data_offsets": [1, 0]}}, b"x"), "data_offsets"),
    "false for zero": (
        packed({"a": ONE["a"] | {"data_offsets": [False, 1]}}, b"x"),
        "no proper data_offsets",
    ),
    "a shape too large": (packed({"a": entry(0, 1, "F32", [9])}, b"x"), "another number of bytes"),
    "sides that overflow": (
        packed({"a": entry(0, 1, "U8", [2**63, 2, 2**63])}, b"x"),
        "another number of bytes",
    ),
    "sides that overflow around a zero": (
        packed({"a": entry(0, 0, "U8", [2**63, 4, 0])}),
        "another number of bytes",
    ),
    "half a byte": (packed({"a": entry(0, 1, "F4", [3])}, b"x"), "another number of bytes"),
    "overlap": (packed({"a": entry(0, 2), "b": entry(1, 3)}, b"xyz"), "'b' overlaps"),
    "a hole": (packed({"a": entry(0, 1), "b": entry(2, 3)}, b"xyz"), "'b' comes after a gap"),
    "a late start": (packed({"a": entry(1, 2)}, b"xy"), "'a' comes after a gap"),
    "a tail": (packed(ONE, b"x" + b"PK\x05\x06"), "4 bytes follow its last tensor"),
    "two bytes short": (packed({"a": entry(0, 9)}, b"1234567"), "it is cut off"),
    "an end beyond every file": (packed({"a": entry(0, 2**63)}), "it is cut off"),
}


@pytest.mark.parametrize(("content", "because"), REFUSED.values(), ids=REFUSED)
def test_what_breaks_a_rule_is_refused_with_the_rule(content, because):
    with pytest.raises(MalformedHeader) as refusal:
        read(content)

    assert because in str(refusal.value)


def test_a_refusal_never_carries_the_names_control_signs_to_a_terminal():
    with pytest.raises(MalformedHeader) as refusal:
        read(packed({"\x1b[2J\u202e" + "x" * 500: 1}))

    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


def test_a_claimed_length_is_never_allocated(tmp_path):
    path = tmp_path / "liar.safetensors"
    with path.open("wb") as file:
        file.write((99_999_999).to_bytes(8, "little") + b"{")

    tracemalloc.start()
    try:
        with pytest.raises(MalformedHeader):
            read_index(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 1_000_000


MIB = 1024 * 1024


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":[' + b"{}," * MIB + b"{}]}",
        b'{"a":[' + b"[]," * MIB + b"[]]}",
        b'{"a":[' + b"1," * 9 * MIB + b"1]}",
        b"{" + b'"":1,' * 2 * MIB + b'"":1}',
        b"{" + b'"\\\\":1,' * 2 * MIB + b'"":1}',
        b'{"' + b"[" * 2 * MIB + b'":' + b"[" * 2 * MIB,
    ],
    ids=["objects", "lists", "numbers", "names", "names with escapes", "depth"],
)
def test_a_header_that_would_fill_the_memory_is_refused_before_it_is_decoded(header):
    tracemalloc.start()
    try:
        with pytest.raises(MalformedHeader, match="more structure than any model"):
            parse_header(header, size_bytes=len(header) + 8, name="m.safetensors")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 3 * len(header)


@pytest.mark.parametrize("sign", ["\U0001d518", "\\ud835\\udd18"])
def test_a_long_text_that_one_sign_makes_four_times_as_wide_is_refused(sign):
    header = b'{"__metadata__":{"a":"' + sign.encode() + b"a" * 33 * MIB + b'"}}'

    with pytest.raises(MalformedHeader, match="more text than any model"):
        parse_header(header, size_bytes=len(header) + 8, name="m.safetensors")


def test_long_metadata_is_not_structure():
    tags = json.dumps({f'tag "{number}" [{{:': number for number in range(200_000)})

    assert read(packed({"__metadata__": {"ss_tag_frequency": tags}})).metadata == {
        "ss_tag_frequency": tags
    }


def test_a_file_of_seven_gigabytes_is_read_by_its_header_alone(tmp_path):
    path = tmp_path / "large.safetensors"
    piece = 3_500_000
    header = {
        f"model.diffusion_model.{number}.weight": entry(number * piece, (number + 1) * piece)
        for number in range(2000)
    }
    content = packed(header)
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + 2000 * piece)  # a hole: the disk holds only the header

    tracemalloc.start()
    try:
        index = read_index(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(index.tensors) == 2000
    assert peak_bytes < 10_000_000


def test_a_file_that_another_program_left_half_written_is_found_by_its_length(tmp_path):
    path = tmp_path / "half.safetensors"
    whole = packed({"a": entry(0, 100)}, b"x" * 100)
    path.write_bytes(whole[:-40])

    with pytest.raises(MalformedHeader, match=r"it is cut off: \d+ bytes of \d+"):
        check_whole(path)
    path.write_bytes(whole)
    check_whole(path)


def test_a_file_that_is_not_there_is_our_own_error(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        read_index(tmp_path / "nothing.safetensors")


def test_an_autov3_begins_behind_the_header():
    assert autov3_begin(packed({})) == 10
    assert autov3_begin((16 * 1024 * 1024).to_bytes(8, "little")) == 16 * 1024 * 1024 + 8


@pytest.mark.parametrize(
    "first", [(16 * 1024 * 1024 + 1).to_bytes(8, "little"), b"PK\x03\x04\0\0\x08\x08"]
)
def test_an_autov3_skips_no_header_over_16_mib_and_none_of_a_pickle(first):
    assert autov3_begin(first) == 8


SCALARS = st.none() | st.booleans() | st.integers(-5, 2**65) | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F16", "U8", "F4", "NEW"]) | VALUES,
        "shape": st.lists(st.integers(0, 4), max_size=3) | VALUES,
        "data_offsets": st.lists(st.integers(0, 40), min_size=2, max_size=2) | VALUES,
    },
)


def _read_or_refuse(content):
    try:
        index = read(content)
    except MalformedHeader:
        return
    assert all(8 < tensor.begin <= tensor.end <= len(content) for tensor in index.tensors)


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1) | st.none())
@example(b"{" * 20_000, None)
@example(b'{"a":' * 20_000, None)
def test_any_bytes_are_read_or_refused(content, length):
    _read_or_refuse(packed(content, length=length))


@given(st.dictionaries(st.text(max_size=5) | st.just("__metadata__"), ENTRIES | VALUES, max_size=4))
def test_any_object_is_read_or_refused(header):
    text = json.dumps(header).encode()
    _read_or_refuse(packed(text, b"\0" * 40))


@given(st.data())
def test_any_flipped_byte_is_read_or_refused(data):
    content = bytearray(packed({"a": entry(0, 2), "__metadata__": {"k": "v"}}, b"xy"))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(content))


@pytest.mark.real
def test_a_real_embedding_is_read_and_known(real_files):
    found = identify(read_index(real_files / "embeddings/EasyNegative.safetensors"))

    assert (found.model_type, found.architecture, found.precision) == ("embedding", "sd1", "fp32")


@pytest.mark.real
def test_a_real_lora_whose_header_is_not_aligned_is_read_and_known(real_files):
    path = real_files / "loras/analog_svd_rank4.safetensors"
    found = identify(read_index(path))

    assert int.from_bytes(path.read_bytes()[:8], "little") % 8
    assert (found.model_type, found.architecture, found.precision) == ("lora", "sd1", "fp16")
    assert found.adapter == "lora"
