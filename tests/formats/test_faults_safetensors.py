"""Rows 81 to 91 of the list of faults: one test a row, named after it."""

import json
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save

from registry.errors import MalformedHeader
from registry.formats.diffusers_folder import read_folder
from registry.formats.not_numbers import not_numbers
from registry.formats.readable import readable
from registry.formats.safetensors import read_index
from registry.operations.inspect import inspect_file
from registry.taxonomy.identify import identify


def packed(header, data=b"", *, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(begin, end, dtype="U8", shape=None):
    shape = [end - begin] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


ENTRY = b'{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(content):
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def refused(file):
    """Has a file refused by the reader and by an inspection; gives the reason."""

    def refuse(content):
        path = file(content)
        with pytest.raises(MalformedHeader) as refusal:
            read_index(path)
        with pytest.raises(MalformedHeader):
            inspect_file(path)
        return refusal.value.because

    return refuse


@pytest.mark.parametrize(
    "content",
    [
        packed(b"{}", length=900),
        packed(b"{}", length=100_000_001),
        packed(b"", length=0),
        bytes(7),
        b"",
        packed(b"{}", length=2**64 - 1),
    ],
    ids=["beyond the file", "over 100 MB", "zero", "seven bytes", "empty", "the longest"],
)
def test_row_81_a_length_that_cannot_be_is_refused_without_allocating_it(refused, content):
    tracemalloc.start()
    try:
        assert refused(content)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 2_000_000


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (packed({"a": entry(0, 2), "b": entry(1, 3)}, b"xyz"), "overlaps"),
        (packed({"a": entry(0, 1), "b": entry(2, 3)}, b"xyz"), "after a gap"),
        (packed({"a": entry(1, 2)}, b"xy"), "after a gap"),
        (packed({"a": entry(0, 1)}, b"xPK\x03\x04"), "4 bytes follow its last tensor"),
        (packed({"a": entry(0, 9)}, b"1234567"), "it is cut off"),
    ],
    ids=["overlap", "hole", "late start", "tail", "two bytes short"],
)
def test_row_82_tensors_that_do_not_fill_the_file_are_refused(refused, content, because):
    assert because in refused(content)


@pytest.mark.parametrize(
    ("header", "because"),
    [
        (b'{"a":' + ENTRY + b',"a":' + ENTRY + b"}", "names 'a' twice"),
        (b'{"a":NaN}', "NaN"),
        ("{}".encode("utf-16"), "does not begin with {"),
        (b"\xef\xbb\xbf{}", "does not begin with {"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"9" * 5000 + b"}", "a number of 5,000 digits"),
        (b'{"a":' + ENTRY.replace(b"[1]", b"[true]") + b"}", "no proper shape"),
    ],
    ids=["duplicates", "NaN", "UTF-16", "BOM", "depth", "digits", "bools"],
)
def test_row_83_json_that_others_accept_is_refused(refused, header, because):
    assert because in refused(packed(header, b"x"))


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F4", "F8_E8M0", "F9_OF_TOMORROW"])
def test_row_84_an_unknown_dtype_is_catalogued_as_unknown_not_as_corrupt(file, dtype):
    index = read_index(file(packed({"a": entry(0, 2, dtype, [4 if dtype == "F4" else 2])}, b"xy")))

    assert index.tensors[0].dtype == dtype
    assert identify(index).precision in {None, "fp8"}


@pytest.mark.parametrize("shape", [[9], [2**63, 2, 2**63], [2**64]])
def test_row_85_a_shape_that_does_not_fit_its_bytes_is_refused(refused, shape):
    assert refused(packed({"a": entry(0, 1, "F32", shape)}, b"x"))


@pytest.mark.parametrize("metadata", [[], None, {"a": 1}, {"a": None}, {"a": ["b"]}, "text"])
def test_row_86_metadata_that_are_not_texts_are_refused(refused, metadata):
    assert "__metadata__" in refused(packed({"__metadata__": metadata}))


def test_row_87_empty_tensors_scalars_and_no_tensors_are_read(file):
    header = {"empty": entry(0, 0, shape=[0, 7]), "scalar": entry(0, 4, "F32", [])}

    assert len(read_index(file(packed(header, b"full"))).tensors) == 2
    assert read_index(file(packed({}))).tensors == ()


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "right\u202eleft", "nul\0", "../../x", "x" * 1_000_000]
)
def test_row_88_strange_names_are_data_and_half_characters_are_refused(file, refused, name):
    index = read_index(file(packed({name: entry(0, 1), "__metadata__": {name: name}}, b"x")))

    assert index.tensors[0].name == name
    assert "half a character" in refused(packed(b'{"\\ud800":' + ENTRY + b"}", b"x"))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_row_89_weights_that_are_no_numbers_are_reported_by_a_deep_check_only(file, dtype):
    weights = {
        "good": np.ones(5, dtype),
        "bad": np.array([1, np.nan, np.inf, -np.inf, 0], dtype),
        "whole": np.array([-1], np.int32),
    }
    path = file(save(weights))

    assert inspect_file(path).not_numbers is None
    assert inspect_file(path, deep=True).not_numbers == ("bad: 3",)


def test_row_89_a_bf16_is_looked_at_too(file):
    header = {"a": entry(0, 6, "BF16", [3])}
    with readable(file(packed(header, b"\x80\x3f\xc0\x7f\x80\xff"))) as source:
        (bad,) = not_numbers(source, read_index(file(packed(header, b"\x80\x3f\xc0\x7f\x80\xff"))))

    assert (bad.tensor, bad.count) == ("a", 2)


@pytest.mark.parametrize(("dtype", "count"), [("F8_E4M3", 2), ("F8_E5M2", 4)])
def test_numbers_of_one_byte_are_looked_at_too(file, dtype, count):
    path = file(packed({"a": entry(0, 6, dtype, [6])}, b"\x38\x7f\xff\x7e\xfc\x00"))
    with readable(path) as source:
        (bad,) = not_numbers(source, read_index(path))

    assert (bad.tensor, bad.count) == ("a", count)


def test_row_90_white_space_before_the_header_is_refused(refused):
    assert "does not begin with {" in refused(packed(b"  {}"))


@pytest.mark.parametrize(
    "name",
    [
        "../outside.safetensors",
        "/etc/passwd",
        "deeper/model.safetensors",
        r"..\outside.safetensors",
        "C:evil.safetensors",
        "..",
        "notes.txt",
        7,
        None,
    ],
)
def test_row_91_an_index_that_names_a_file_outside_its_folder_is_refused(tmp_path, name):
    folder = tmp_path / "unet"
    folder.mkdir()
    (tmp_path / "outside.safetensors").write_bytes(save({"a": np.zeros(3)}))
    index = {"metadata": {}, "weight_map": {"a": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(MalformedHeader, match="no file of its folder"):
        read_folder(folder)
