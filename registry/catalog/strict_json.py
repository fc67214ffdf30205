"""JSON as the standard has it: no NaN, no doubled keys, no BOM, nothing that grows without end."""

import json
import math
from typing import Any, NoReturn

MAX_DIGITS = 30


class InvalidJson(Exception):
    """A text that is not the JSON we take.

    Attributes:
        where: Line and column, or empty.
        because: One sentence.
    """

    def __init__(self, because: str, where: str = "") -> None:
        super().__init__(because)
        self.because = because
        self.where = where


def parse(content: bytes) -> Any:
    """Parse JSON.

    Raises:
        InvalidJson: It is not UTF-8, not JSON, or JSON that means different things to different
            readers.
    """
    if content.startswith(b"\xef\xbb\xbf"):
        raise InvalidJson("it begins with a byte order mark; save it as UTF-8 without one")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(f"byte {error.start} is not UTF-8") from error
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InvalidJson(f"it is not JSON: {error.msg}", where) from error
    except RecursionError as error:
        raise InvalidJson("it is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidJson(f"the key {json.dumps(twice[:60])} stands twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not a number in JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidJson(f"the number {text[:MAX_DIGITS]} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise InvalidJson(f"the number {text[:MAX_DIGITS]}… is too large")
    return int(text)
