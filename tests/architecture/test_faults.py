"""The page of faults and the tests of faults say the same."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text("utf-8")

# Every row of a section has a test, or a sentence why it has none.
SECTIONS = {
    "HTTP": range(1, 47),
    "Disk": range(47, 69),
    "Concurrency and time": range(69, 81),
    "Files": range(81, 92),
}

_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_TEST = re.compile(r"test_row_(\d+)_\w+")
_REASON = re.compile(r"no test: \w+ \w+ \w+")


def section(title):
    """Row number to the text of its last column."""
    text = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return {int(number): shown for number, _, _, shown in _ROW.findall(text)}


def written_tests():
    """Every test in the tree that is named after a row."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and _TEST.fullmatch(node.name)
    }


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_has_exactly_its_rows_in_order(title):
    assert list(section(title)) == list(SECTIONS[title])


@pytest.mark.parametrize("title", SECTIONS)
def test_every_row_has_a_test_of_its_own_or_a_reason(title):
    for number, shown in section(title).items():
        named = {int(row) for row in _TEST.findall(shown)}
        assert named == {number} or (not named and _REASON.search(shown)), number


def test_every_test_that_the_page_names_is_written():
    assert {found.group() for found in _TEST.finditer(PAGE)} - written_tests() == set()


def test_every_test_of_a_row_stands_on_the_page():
    rows = {number for numbers in SECTIONS.values() for number in numbers}
    of_these = {name for name in written_tests() if int(_TEST.fullmatch(name)[1]) in rows}

    assert sorted(name for name in of_these if name not in PAGE) == []
