"""What is wrong with a catalog file, said in one sentence about one row and field."""

import json
import re
from typing import Any

from pydantic import ValidationError

from registry.errors import CatalogInvalid


def invalid(
    error: ValidationError, file: str, raw: object, prefix: tuple[str | int, ...] = ()
) -> CatalogInvalid:
    """The first rule that is broken, by row and field.

    Args:
        error: What pydantic says.
        file: Name of the file.
        raw: The object that was checked; its slug helps to find it.
        prefix: Where that object stands in the file.
    """
    first = error.errors(include_url=False)[0]
    place = [*prefix, *_without_branches(first["loc"])]
    where = ""
    if place[:1] == ["models"] and len(place) > 1:
        where = row(int(place[1]), raw)
        place = place[2:]
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
    separator = " → " if where and field else ""
    return CatalogInvalid(file, where + separator + field, _because(first))


_BRANCH = re.compile(r"^(bool|str|constrained-|function-|literal\[|dict\[|list\[|nullable)")


def _without_branches(loc: tuple[str | int, ...]) -> list[str | int]:
    """A place without the names that pydantic gives to the branches of a union."""
    return [part for part in loc if isinstance(part, int) or not _BRANCH.match(part)]


def row(index: int, raw: object) -> str:
    """A model of the file, for people: its place and its slug."""
    slug = raw.get("slug") if isinstance(raw, dict) else None
    return f"models[{index}]" + (f" {shown(slug)}" if isinstance(slug, str) else "")


def shown(value: object) -> str:
    """A value as the file has it, cut where it gets long; safe for any terminal."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN = 60


def _because(error: Any) -> str:
    """One sentence about one broken rule."""
    kind, told, got = error["type"], error.get("ctx", {}), shown(error["input"])
    if kind == "value_error":
        return f"{got} {told['error']}" if isinstance(error["input"], str) else str(told["error"])
    sentence = _SENTENCES.get(kind)
    return sentence.format(got=got, **told) if sentence else str(error["msg"])


_SENTENCES = {
    "bool_type": "{got} is not true or false",
    "dataclass_type": "{got} is not an object",
    "dict_type": "{got} is not an object",
    "enum": "{got} is not one of {expected}",
    "greater_than_equal": "{got} is less than {ge}",
    "int_type": "{got} is not a whole number",
    "less_than": "{got} is too large",
    "less_than_equal": "{got} is too large",
    "list_type": "{got} is not a list",
    "literal_error": "{got} is not one of {expected}",
    "missing": "it is missing",
    "string_pattern_mismatch": (
        "{got} is not a slug: lower-case letters, digits, and . _ + - behind the first"
    ),
    "string_too_long": "it is longer than {max_length} characters",
    "string_too_short": "it is empty",
    "string_type": "{got} is not a text",
    "string_unicode": "it cannot be written as UTF-8",
    "too_long": "it has more than {max_length} items",
    "unexpected_keyword_argument": "there is no such field",
}
