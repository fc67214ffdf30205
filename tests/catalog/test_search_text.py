"""Whatever is typed, the search expression is one that SQLite understands."""

import contextlib
import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from registry.catalog.search import match_expression


@given(st.text(max_size=60))
def test_any_text_becomes_an_expression_without_errors(text):
    expression = match_expression(text)
    if expression is None:
        return
    with contextlib.closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("CREATE VIRTUAL TABLE words USING fts5(slug, name)")
        memory.execute("INSERT INTO words VALUES (?, ?)", ("x", "y"))
        for tier in ("", "{slug name} : "):
            memory.execute("SELECT 1 FROM words WHERE words MATCH ?", (tier + expression,))


@given(st.from_regex(r"[a-z0-9]{1,12}( [a-z0-9]{1,12}){0,5}", fullmatch=True))
def test_a_text_finds_itself(text):
    with contextlib.closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("CREATE VIRTUAL TABLE words USING fts5(name)")
        memory.execute("INSERT INTO words VALUES (?)", (text,))
        found = memory.execute(
            "SELECT name FROM words WHERE words MATCH ?", (match_expression(text),)
        )
        assert found.fetchall() == [(text,)]
