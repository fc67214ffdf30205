"""What strangers wrote cannot drive a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.strangers_text import one_line, without_controls


@pytest.mark.parametrize(
    "evil",
    [
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x9b2J",
        "\x08\x08",
        "\r",
        "\x7f",
        "\u202e",  # right-to-left override
        "\u2066",
        "\u200b",  # zero width space
        "\u2028",  # line separator
        "\ue000",  # private use
        "\udcff",  # a byte that was no text
        "\U000e0041",  # a tag that nobody sees
    ],
)
def test_what_drives_a_terminal_is_taken_out(evil):
    assert not any(
        unicodedata.category(sign) in {"Cc", "Cf", "Zl"} for sign in without_controls(evil)
    )
    assert without_controls(f"a{evil}b").startswith("a")
    assert without_controls(f"a{evil}b").endswith("b")
    assert "\x1b" not in without_controls(evil)


def test_lines_stay_only_where_they_are_meant():
    assert without_controls("a\nb\tc") == "abc"
    assert without_controls("a\nb\tc", keep_lines=True) == "a\nbc"


def test_words_of_every_language_stay():
    text = "墨心 Café العربية 한국어 Ω é ∞ 🎨"
    assert without_controls(text) == text


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text):
    assert without_controls(without_controls(text)) == without_controls(text)


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_quotation_is_one_short_line(text, limit):
    line = one_line(text, limit=limit)

    assert len(line) <= limit + 1
    assert line == without_controls(line) == " ".join(line.split())
