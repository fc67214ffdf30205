"""Words and numbers for people; JSON that drives no terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.cli.words import columns, json_text, listed, size
from registry.domain.strangers_text import without_controls


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, "?"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (24_655, "24.7 kB"),
        (151_112_736, "151 MB"),
        (2_132_625_431, "2.13 GB"),
        (7_703_807_346, "7.70 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_have_three_figures(count, words):
    assert size(count) == words


def test_lists():
    assert listed([]) == "–"
    assert listed(["a", "b\x1b[m"]) == "a, b[m"


def test_columns_of_a_terminal():
    assert [columns(text) for text in ("", "abc", "墨心", "é")] == [0, 3, 4, 1]


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_json_is_read_back_as_it_was_and_drives_no_terminal(document):
    for ascii_only in (True, False):
        text = json_text(document, ascii_only=ascii_only)
        assert json.loads(text) == document
        assert without_controls(text) == text
        assert text.isascii() or not ascii_only


def test_a_lone_surrogate_is_json_too():
    assert json_text({"file": "\udcff"}) == r'{"file": "\udcff"}'
