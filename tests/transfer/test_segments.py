"""Every missing byte is handed out exactly once, whoever takes, steals or gives up."""

from hypothesis import given
from hypothesis import strategies as st

from registry.transfer.segments import Segments, missing


def test_a_connection_that_is_alone_takes_everything():
    segments = Segments([(0, 1000)], shortest=10, longest=40, align=4)

    segment = segments.take(hands=1)

    assert (segment.at, segment.end) == (0, 1000)
    assert segments.take(hands=1) is not None, "a second one takes over a part"


def test_several_connections_take_spans_in_file_order():
    segments = Segments([(0, 1000)], shortest=10, longest=40, align=4)

    taken = [segments.take(hands=4) for _ in range(4)]

    assert [(one.at, one.end) for one in taken] == [(0, 40), (40, 80), (80, 120), (120, 160)]


def test_spans_shrink_towards_the_end():
    segments = Segments([(0, 1000)], shortest=10, longest=400, align=1)
    lengths = []
    while (segment := segments.take(hands=2)) is not None:
        lengths.append(segment.left)
        segments.advance(segment, segment.left)

    assert lengths[0] > lengths[3] > lengths[6]
    assert sum(lengths) == 1000


def test_the_slowest_keeps_the_first_half_of_what_it_has():
    segments = Segments([(0, 100)], shortest=10, longest=1000, align=1)
    slow = segments.take(hands=1)
    segments.advance(slow, 20)

    thief = segments.take(hands=1)

    assert (slow.at, slow.end) == (20, 60)
    assert (thief.at, thief.end) == (60, 100)


def test_nothing_is_stolen_from_who_is_almost_done():
    segments = Segments([(0, 19)], shortest=10, longest=1000, align=1)
    segments.take(hands=1)

    assert segments.take(hands=2) is None


def test_bytes_behind_a_stolen_border_do_not_count():
    segments = Segments([(0, 100)], shortest=10, longest=1000, align=1)
    slow = segments.take(hands=1)
    segments.take(hands=1)

    assert segments.advance(slow, 80) == 50


def test_a_segment_runs_on_into_free_bytes_behind_it():
    segments = Segments([(0, 100)], shortest=10, longest=20, align=1)
    first = segments.take(hands=2)
    segments.advance(first, first.left)

    assert segments.extend(first, limit=100, hands=2)
    assert (first.at, first.end) == (20, 40)


def test_a_segment_does_not_run_on_into_taken_bytes():
    segments = Segments([(0, 100)], shortest=10, longest=20, align=1)
    first = segments.take(hands=2)
    segments.take(hands=2)

    assert not segments.extend(first, limit=100, hands=2)


def test_what_a_lost_connection_did_not_bring_waits_again():
    segments = Segments([(0, 100)], shortest=10, longest=1000, align=1)
    lost = segments.take(hands=1)
    segments.advance(lost, 30)

    segments.drop(lost)

    assert segments.left_bytes == 70
    assert segments.take(hands=1).at == 30


@given(
    size=st.integers(1, 5000),
    holes=st.lists(st.integers(0, 400), max_size=20),
    moves=st.lists(
        st.tuples(st.sampled_from(["take", "advance", "drop", "extend"]), st.integers(0, 500)),
        max_size=200,
    ),
    align=st.integers(1, 50),
    shortest=st.integers(2, 60),
)
def test_every_missing_byte_arrives_exactly_once(size, holes, moves, align, shortest):
    there = [index for index in holes if index * 16 < size]
    segments = Segments(
        missing(size, there, 16), shortest=shortest, longest=4 * shortest, align=align
    )
    arrived = [0] * size
    working = []
    for move, number in moves:
        play(segments, working, arrived, move, number)
    for segment in working:
        segments.drop(segment)
    while (segment := segments.take(hands=3)) is not None:
        bring(segments, segment, segment.left, arrived)
        segments.drop(segment)

    assert arrived == [0 if offset // 16 in there else 1 for offset in range(size)]
    assert segments.left_bytes == 0


def play(segments, working, arrived, move, number):
    if move == "take":
        segment = segments.take(hands=number % 5)
        if segment is not None:
            assert segment.left > 0
            working.append(segment)
    elif working:
        segment = working[number % len(working)]
        if move == "advance":
            bring(segments, segment, number, arrived)
        elif move == "extend" and segment.left == 0:
            segments.extend(segment, limit=len(arrived), hands=number % 5)
        elif move == "drop":
            working.remove(segment)
            segments.drop(segment)


def bring(segments, segment, count, arrived):
    begin = segment.at
    for offset in range(begin, begin + segments.advance(segment, count)):
        arrived[offset] += 1


@given(size=st.integers(1, 300), there=st.sets(st.integers(0, 40)), piece=st.integers(1, 20))
def test_gaps_are_what_the_pieces_do_not_cover(size, there, piece):
    gaps = missing(size, there, piece)

    uncovered = {offset for begin, end in gaps for offset in range(begin, end)}
    assert uncovered == {offset for offset in range(size) if offset // piece not in there}
