"""Lengths of time as people write them."""

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"([0-9]{1,6})\s*([smhdw])", re.IGNORECASE)


def parse_span(text: str) -> timedelta:
    """Read ``90d``, ``2h``, ``30m``, ``45s`` or ``2w``.

    Raises:
        ValueError: It is none of these.

    Example:
        >>> parse_span("90d").days
        90
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no length of time")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2].lower()])
