"""Whatever its strides are, a view is read in row-major order and in little memory."""

import math
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.convert import gather
from registry.convert.gather import BLOCK_ELEMENTS, blocks, is_contiguous
from registry.convert.places import open_places
from registry.errors import UnreadableFile
from tests.convert.weights import tensor

STORAGE = np.random.default_rng(0).integers(0, 2**32, 5000, dtype=np.uint32)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("storage") / "bytes"
    path.write_bytes(b"header.." + STORAGE.tobytes())
    return path


@contextmanager
def opened(path):
    places = open_places(path)
    with places.file:
        yield places


def gathered(path, view):
    with opened(path) as places:
        found = list(blocks(places, view))
    assert all(len(block) == BLOCK_ELEMENTS for block in found[:-1])
    return np.concatenate(found) if found else np.empty(0, np.uint32)


def view_of(shape, strides, offset=0, size=STORAGE.size):
    return tensor(
        "x", shape=shape, strides=strides, offset=offset, storage=(8, 8 + 4 * size), dtype="F32"
    )


def expected(shape, strides, offset=0, storage=STORAGE):
    steps = tuple(4 * step for step in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).reshape(-1)


@st.composite
def views(draw):
    sides = draw(st.lists(st.integers(0, 6), max_size=4))
    strides = draw(st.lists(st.integers(0, 40), min_size=len(sides), max_size=len(sides)))
    reach = sum((side - 1) * step for side, step in zip(sides, strides, strict=True) if side)
    return tuple(sides), tuple(strides), draw(st.integers(0, STORAGE.size - 1 - max(reach, 0)))


@given(views())
def test_any_view_is_what_numpy_says(stored, view):
    shape, strides, offset = view

    got = gathered(stored, view_of(shape, strides, offset))

    wanted = expected(shape, strides, offset) if math.prod(shape) else np.empty(0, np.uint32)
    assert np.array_equal(got, wanted)


@given(views())
def test_a_view_of_far_neighbours_is_put_together_from_several_reads(stored, view):
    shape, strides, offset = view
    with pytest.MonkeyPatch.context() as patch:
        # The same decisions as for gigabytes, at a size that a test can try a hundred times.
        patch.setattr(gather, "_SPAN_ELEMENTS", 8)
        patch.setattr(gather, "_GAP_ELEMENTS", 3)
        patch.setattr(gather, "_PIECE_ELEMENTS", 5)
        got = gathered(stored, view_of(shape, strides, offset))

    wanted = expected(shape, strides, offset) if math.prod(shape) else np.empty(0, np.uint32)
    assert np.array_equal(got, wanted)


@pytest.mark.parametrize(
    ("shape", "strides", "contiguous"),
    [
        ((2, 3), (3, 1), True),
        ((2, 3), (1, 2), False),
        ((1, 3), (99, 1), True),
        ((3, 1), (1, 7), True),
        ((4,), (0,), False),
        ((), (), True),
    ],
)
def test_contiguous_is_what_needs_no_gathering(shape, strides, contiguous):
    assert is_contiguous(view_of(shape, strides)) is contiguous


def test_a_transposed_matrix_of_64_mb_takes_little_memory(tmp_path):
    path = tmp_path / "matrix"
    side = 4096
    matrix = np.arange(side * side, dtype=np.uint32).reshape(side, side)
    path.write_bytes(b"header.." + matrix.tobytes())
    view = view_of((side, side), (1, side), size=side * side)

    tracemalloc.start()
    at = 0
    wanted = matrix.T.reshape(-1)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with opened(path) as places:
        for block in blocks(places, view):
            assert np.array_equal(block, wanted[at : at + len(block)])
            at += len(block)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()

    assert at == side * side
    assert peak < 32 * 1024 * 1024


def test_a_file_that_became_shorter_is_told(tmp_path):
    path = tmp_path / "short"
    path.write_bytes(b"header.." + bytes(100))

    with pytest.raises(UnreadableFile, match="it ends at byte 108, too early"):
        gathered(path, view_of((50,), (1,)))


def test_a_format_without_whole_bytes_is_copied_as_it_is(tmp_path):
    path = tmp_path / "fp4"
    path.write_bytes(b"header.." + bytes(range(10)))

    got = gathered(path, tensor("x", shape=(20,), dtype="F4", storage=(8, 18)))

    assert got.tobytes() == bytes(range(10))
