"""Full-text search over the models, ranked.

A query is words; a model is found when each is the begin of some word of it. Hits in slug or name
stand before hits in trigger words, these before hits anywhere; within each, BM25 decides. A letter
such as ``a`` hits nearly every model of a large catalog, and BM25 over all of them would cost more
than anybody's patience: of each of the three kinds, only the first `CANDIDATES` that SQLite finds
are ranked. So a broad query shows good hits, not certainly the best; one letter more cures it.
"""

import json
import re
from collections.abc import Iterable

from registry.catalog.reading import Reading
from registry.catalog.writing import Transaction

CANDIDATES = 1000
MAX_WORDS = 16

_WORD = re.compile(r"[^\W_]+")
# slug, name, words, author, type, base, files, notes
_WEIGHTS = "10.0, 10.0, 6.0, 2.0, 1.0, 1.0, 1.0, 1.0"
_TIERS = ("{slug name} : ", "{words} : ", "")


def match_expression(text: str) -> str | None:
    """What the user typed, as an FTS5 query that cannot be wrong; None if it holds no word.

    Example:
        >>> match_expression('ink "punk" OR -(x')
        '("ink" * AND "punk" * AND "OR" * AND "x" *)'
    """
    words = _WORD.findall(text)[:MAX_WORDS]
    return "(" + " AND ".join(f'"{word}" *' for word in words) + ")" if words else None


def matching_ids(reading: Reading, text: str, *, limit: int) -> list[int]:
    """Ids of the models that match, best first."""
    expression = match_expression(text)
    found: dict[int, None] = {}
    if expression is None:
        return []
    for tier in _TIERS:
        if len(found) < limit:
            hits = reading.rows(_RANKED, (tier + expression, CANDIDATES, limit))
            found.update((row_id, None) for (row_id,) in hits)
    return list(found)[:limit]


_RANKED = f"""
    SELECT id FROM (
        SELECT rowid AS id, bm25(model_search, {_WEIGHTS}) AS score
        FROM model_search WHERE model_search MATCH ? LIMIT ?
    ) ORDER BY score, id LIMIT ?"""  # noqa: S608 - constants of this module


def index_models(transaction: Transaction, model_ids: Iterable[int]) -> None:
    """Write the words of these models anew."""
    ids = json.dumps(sorted(model_ids))
    if ids == "[]":
        return
    transaction.run(_FORGET, (ids,))
    transaction.run(_INDEX, (ids,))


_FORGET = "DELETE FROM model_search WHERE rowid IN (SELECT value FROM json_each(?))"
_INDEX = """
    INSERT INTO model_search(rowid, slug, name, words, author, type, base, files, notes)
    SELECT models.id, slug, models.name,
        (SELECT group_concat(word, ' ') FROM trigger_words WHERE model_id = models.id),
        author, type, base,
        (SELECT group_concat(files.name || ' ' || versions.name, ' ') FROM versions
            JOIN files ON files.version_id = versions.id WHERE versions.model_id = models.id)
        || ' ' || coalesce((SELECT group_concat(file_aliases.name, ' ') FROM versions
            JOIN files ON files.version_id = versions.id
            JOIN file_aliases ON file_id = files.id WHERE versions.model_id = models.id), ''),
        (SELECT group_concat(text, ' ') FROM notes WHERE model_id = models.id)
    FROM models WHERE models.id IN (SELECT value FROM json_each(?))"""
