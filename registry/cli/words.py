"""Words and numbers as people read them, and nothing that drives their terminal."""

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from registry.domain.strangers_text import without_controls

_STEP = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def json_text(document: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    r"""A document as JSON; what could drive a terminal is written as an escape, so it stays itself.

    Example:
        >>> print(json_text({"name": "墨\x9b2J\u202e"}))
        {"name": "墨\u009b2J\u202e"}
    """
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    return _NOT_PLAIN.sub(lambda found: _escaped(found[0]), text)


_NOT_PLAIN = re.compile(r"[^\n -~]")


def _escaped(sign: str) -> str:
    return sign if without_controls(sign) else json.dumps(sign)[1:-1]


def size(count: int | None) -> str:
    """Bytes for people, in the units that disks and hubs use (1 kB = 1000 bytes).

    Example:
        >>> size(2132625431), size(24655), size(7), size(None)
        ('2.13 GB', '24.7 kB', '7 bytes', '?')
    """
    if count is None:
        return "?"
    amount, place = float(count), 0
    while amount >= _STEP and place < len(_UNITS) - 1:
        amount, place = amount / _STEP, place + 1
    if place == 0:
        return f"{count} bytes"
    digits = 2 if amount < 10 else 1 if amount < 100 else 0  # noqa: PLR2004 -- three figures
    return f"{amount:.{digits}f} {_UNITS[place]}"


def files(count: int) -> str:
    """So many files.

    Example:
        >>> files(1), files(2)
        ('1 file', '2 files')
    """
    return "1 file" if count == 1 else f"{count} files"


def listed(items: Iterable[str]) -> str:
    """Items with commas between them, cleaned; a dash for none."""
    return ", ".join(without_controls(item) for item in items) or "–"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide sign, none for a mark.

    Example:
        >>> columns("abc"), columns("墨心")
        (3, 4)
    """
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )
