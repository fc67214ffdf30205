"""What is written can be read by others, and is compared before anybody is told."""

import hashlib
from functools import partial

import numpy as np
import pytest
from safetensors.numpy import load_file

from registry.convert.output import Block, Output, compare, each, header, write
from registry.convert.places import Places
from registry.errors import ConversionDiffers, MalformedHeader
from registry.formats.safetensors import read_index

VALUES = {
    "b": np.arange(12, dtype="<f4").reshape(3, 4),
    "empty": np.zeros((0, 5), "<f4"),
    "scalar": np.array(3.5, "<f4"),
    "a": np.arange(5, dtype="<f2"),
}
DTYPES = {"<f4": "F32", "<f2": "F16"}


def silent(_):
    """For whoever does not want to hear how far it is."""


def blocks_of(array):
    flat = array.reshape(-1).view(f"<u{array.itemsize}")
    return (Block(flat[at : at + 3]) for at in range(0, flat.size, 3))


def outputs():
    return [
        Output(name, DTYPES[a.dtype.str], a.shape, a.nbytes, partial(blocks_of, a))
        for name, a in VALUES.items()
    ]


def put(out, texts, tell):
    begin = header(outputs(), texts)
    out.write(0, memoryview(begin))
    write(out, outputs(), begin=len(begin), tell=tell)


@pytest.fixture
def out(tmp_path):
    with (tmp_path / "out.safetensors").open("w+b", buffering=0) as file:
        yield Places(file, "out.safetensors")


@pytest.fixture
def written(out):
    put(out, {"format": "pt"}, silent)
    return out


def test_the_official_library_reads_what_was_written(written, tmp_path):
    found = load_file(tmp_path / "out.safetensors")

    assert {name: value.tolist() for name, value in found.items()} == {
        name: value.tolist() for name, value in VALUES.items()
    }
    assert read_index(tmp_path / "out.safetensors").metadata == {"format": "pt"}


def test_comparing_gives_the_hash_of_the_whole(written, tmp_path):
    got = compare(written, outputs(), {"format": "pt"}, tell=silent)

    assert got == hashlib.sha256((tmp_path / "out.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("tensor", ["b", "a", "scalar"])
def test_one_wrong_bit_is_found_and_named(written, tmp_path, tensor):
    path = tmp_path / "out.safetensors"
    (at,) = (t.end - 1 for t in read_index(path).tensors if t.name == tensor)
    byte = written.read(at, 1)
    written.write(at, byte ^ np.uint8(1))

    with pytest.raises(ConversionDiffers, match=f"the tensor {tensor} was written"):
        compare(written, outputs(), {"format": "pt"}, tell=silent)


def test_a_file_that_is_cut_or_says_something_else_is_found(written):
    with pytest.raises(ConversionDiffers, match="__metadata__"):
        compare(written, outputs(), {"format": "np"}, tell=silent)
    with pytest.raises(ConversionDiffers, match="table of contents"):
        compare(written, outputs()[1:], {"format": "pt"}, tell=silent)
    written.file.truncate(written.size_bytes - 1)
    with pytest.raises(ConversionDiffers, match="table of contents"):
        compare(written, outputs(), {"format": "pt"}, tell=silent)


def test_every_byte_is_told_once_when_written_and_once_when_compared(out):
    heard = []

    put(out, {}, heard.append)
    assert sum(heard) == sum(array.nbytes for array in VALUES.values())
    compare(out, outputs(), {}, tell=heard.append)
    assert sum(heard) == 2 * sum(array.nbytes for array in VALUES.values())


def test_the_first_failure_of_several_threads_is_raised():
    def work(number):
        if number == 3:
            raise MalformedHeader("file", "broken")
        return number

    with pytest.raises(MalformedHeader):
        each(work, [(number,) for number in range(100)])
    assert each(work, [(1,), (2,)]) == [1, 2]
