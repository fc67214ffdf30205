from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry.domain.pieces import PIECE_BYTES, PieceMap, count_pieces


@pytest.mark.parametrize(
    ("size", "pieces"),
    [
        (0, 0),
        (1, 1),
        (PIECE_BYTES - 1, 1),
        (PIECE_BYTES, 1),
        (PIECE_BYTES + 1, 2),
        (2_132_625_431, 509),
    ],
)
def test_a_file_has_as_many_pieces_as_cover_it(size, pieces):
    assert count_pieces(size) == pieces


@pytest.mark.parametrize(("size", "piece"), [(-1, 4), (8, 0), (8, -4)])
def test_lengths_that_make_no_sense_are_refused(size, piece):
    with pytest.raises(ValueError, match="cannot be cut"):
        count_pieces(size, piece)
    with pytest.raises(ValueError, match="cannot be cut"):
        PieceMap(size, (), piece_bytes=piece)


def test_a_map_has_a_digest_for_every_piece():
    with pytest.raises(ValueError, match="10 bytes have 3 pieces, not 2"):
        PieceMap(10, ("a", "b"), piece_bytes=4)


def test_an_empty_file_has_an_empty_map():
    nothing = PieceMap(0, ())
    assert nothing.ranges(()) == ()
    assert nothing.differing(nothing) == ()


@pytest.mark.parametrize("index", [-1, 3])
def test_a_piece_that_is_not_there_has_no_place(index):
    pieces = PieceMap(10, ("a", "b", "c"), piece_bytes=4)
    with pytest.raises(IndexError, match=f"no piece {index}"):
        pieces.span(index)
    with pytest.raises(IndexError):
        pieces.ranges((0, index))


def test_maps_of_different_piece_lengths_are_not_compared():
    with pytest.raises(ValueError, match="cannot be compared"):
        PieceMap(4, ("a",), piece_bytes=4).differing(PieceMap(4, ("a", "b"), piece_bytes=2))


def test_what_a_shorter_file_lacks_differs():
    whole = PieceMap(12, ("a", "b", "c"), piece_bytes=4)
    cut = PieceMap(4, ("a",), piece_bytes=4)
    assert whole.differing(cut) == (1, 2)
    assert cut.differing(whole) == ()


@st.composite
def maps(draw):
    piece_bytes = draw(st.integers(1, 16))
    size = draw(st.integers(0, 200))
    count = count_pieces(size, piece_bytes)
    digests = draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    return PieceMap(size, tuple(digests), piece_bytes=piece_bytes)


@given(maps())
def test_all_pieces_together_are_the_file_once(pieces):
    everything = pieces.ranges(range(len(pieces.digests)))
    assert everything == (((0, pieces.size_bytes),) if pieces.size_bytes else ())


@given(maps(), st.data())
def test_ranges_cover_the_wanted_pieces_and_not_one_byte_more(pieces, data):
    assume(pieces.digests)
    wanted = data.draw(st.lists(st.integers(0, len(pieces.digests) - 1)))
    expected = {byte for index in wanted for byte in range(*pieces.span(index))}
    ranges = pieces.ranges(wanted)
    assert {byte for begin, end in ranges for byte in range(begin, end)} == expected
    assert sum(end - begin for begin, end in ranges) == len(expected)
    assert all(one[1] < other[0] for one, other in pairwise(ranges))


@given(maps())
def test_a_map_does_not_differ_from_itself(pieces):
    assert pieces.differing(pieces) == ()
