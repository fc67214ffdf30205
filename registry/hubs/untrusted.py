"""Read a hub's JSON without trusting its shape: what is missing or odd is not known, not an error.

Texts stay the data they are, except for what no database can hold.
"""

import re

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Object = dict[str, Json]

_LONGEST_TEXT = 10_000
_MOST_WORDS = 500
_BIGGEST_ID = 2**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def text(value: object) -> str | None:
    """A text that is not empty; None for anything else."""
    if not isinstance(value, str):
        return None
    return _UNSTORABLE.sub("\ufffd", value[:_LONGEST_TEXT]).strip() or None


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list; a single text counts as a list of one."""
    items = value if isinstance(value, list) else (value,)
    found = (text(item) for item in items)
    return tuple(dict.fromkeys(item for item in found if item is not None))[:_MOST_WORDS]


def number_id(value: object) -> str | None:
    """A hub's number as text: a whole number that is not negative, in digits or as a number."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _BIGGEST_ID:
        return None
    return str(value)


def size(value: object) -> int | None:
    """A length in bytes."""
    known = number_id(value) if isinstance(value, int) else None
    return int(known) if known is not None else None


def obj(value: object) -> Object:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> tuple[Object, ...]:
    """The objects in a list; nothing for anything else."""
    return (
        tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    )


def truth(value: object) -> bool | None:
    """A boolean; None for anything else."""
    return value if isinstance(value, bool) else None
