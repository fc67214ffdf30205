"""From findings to byte ranges."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from registry.audit.repair_plan import plan_repair
from registry.domain.audit import Finding, FindingKind
from registry.domain.pieces import PieceMap

PIECES = PieceMap(size_bytes=10, digests=("a", "b", "c"), piece_bytes=4)


def finding(kind, pieces=()):
    return Finding(kind, "ab" * 32, Path("/store/x"), "so", tuple(pieces))


def test_damaged_pieces_become_ranges_and_neighbours_are_joined():
    plan = plan_repair(finding(FindingKind.ROT, (1, 2)), PIECES, 10)

    assert plan.ranges == ((4, 10),)
    assert plan.fetch_bytes == 6


def test_a_missing_file_and_one_without_a_piece_map_are_fetched_whole():
    for case in (
        plan_repair(finding(FindingKind.MISSING), PIECES, 10),
        plan_repair(finding(FindingKind.UNREADABLE), PIECES, 10),
        plan_repair(finding(FindingKind.ROT), None, 10),
    ):
        assert (case.ranges, case.fetch_bytes) == (((0, 10),), 10)


def test_what_fetching_cannot_mend_has_no_plan():
    for kind in (
        FindingKind.OK,
        FindingKind.UNAVAILABLE,
        FindingKind.FOREIGN_FILE,
        FindingKind.BROKEN_LINK,
        FindingKind.UNSOUND,
    ):
        assert plan_repair(finding(kind), PIECES, 10) is None


def test_a_file_that_only_grew_needs_no_bytes_at_all_and_so_does_an_edited_one():
    for case in (finding(FindingKind.ROT), finding(FindingKind.EDITED, (0,))):
        plan = plan_repair(case, PIECES, 10)

        assert (plan.ranges, plan.fetch_bytes) == ((), 0)


@given(st.sets(st.integers(0, 9), min_size=1))
def test_the_ranges_cover_every_damaged_piece_and_nothing_else(damaged):
    pieces = PieceMap(size_bytes=38, digests=tuple("abcdefghij"), piece_bytes=4)
    plan = plan_repair(finding(FindingKind.ROT, damaged), pieces, 38)

    covered = {byte for begin, end in plan.ranges for byte in range(begin, end)}
    assert covered == {byte for index in damaged for byte in range(*pieces.span(index))}
    assert plan.fetch_bytes == len(covered)
