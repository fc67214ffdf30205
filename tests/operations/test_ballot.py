"""Votes for the pieces of a file, and the files that may be what was meant."""

from hypothesis import given
from hypothesis import strategies as st

from registry.operations.ballot import Ballot


def mixtures(*reads, limit=8):
    ballot = Ballot(reads[0])
    for read in reads[1:]:
        ballot.cast(dict(enumerate(read)))
    return ["".join(mixture) for mixture in ballot.mixtures(limit=limit)]


def test_reads_that_agree_leave_one_file():
    assert mixtures("abc", "abc") == ["abc"]


def test_the_majority_comes_first_then_the_others():
    assert mixtures("aXc", "abc", "abY")[0] == "abc"
    assert set(mixtures("aXc", "abY")) == {"abY", "abc", "aXc", "aXY"}


def test_of_two_versions_with_as_many_votes_the_newer_comes_first():
    assert mixtures("X", "b") == ["b", "X"]


def test_no_more_mixtures_come_than_asked_for():
    assert len(mixtures("XYZ", "abc", "123")) == 8


def test_with_many_pieces_in_doubt_only_the_majority_is_tried():
    assert mixtures("WXYZe", "abcde", "abcdE") == ["abcde"]


@given(st.text("abc", min_size=3, max_size=40), st.data())
def test_one_damage_in_each_of_three_reads_never_hides_the_right_file(right, data):
    places = st.lists(st.integers(0, len(right) - 1), min_size=3, max_size=3, unique=True)
    reads = [f"{right[:at]}#{right[at + 1 :]}" for at in data.draw(places)]

    assert mixtures(*reads)[0] == right
