"""How long to wait before the same question is asked again: decisions without I/O."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 4
_FIRST_WAIT_S = 0.5
_LONGEST_S = 24 * 60 * 60
# "api";r=0;t=55 -- draft-ietf-httpapi-ratelimit-headers, as Hugging Face sends it
_RATE_LIMIT = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})")


def asked_wait_s(headers: Mapping[str, str], *, now_s: float) -> float | None:
    """Seconds that the server asks us to wait, at most a day; None if it does not say.

    Args:
        headers: Head of the answer; lookups must not care about case.
        now_s: Our clock, in seconds since 1970. A date is held against the server's own clock
            where it tells that.

    Example:
        >>> asked_wait_s({"retry-after": "7"}, now_s=0)
        7.0
        >>> asked_wait_s({"ratelimit": '"api";r=0;t=55'}, now_s=0)
        55.0
    """
    asked = headers.get("retry-after", "").strip()
    wait_s: float | None = None
    if asked.isascii() and asked.isdigit():
        wait_s = float(asked[:12])
    elif (until_s := _date_s(asked)) is not None:
        their_now_s = _date_s(headers.get("date", ""))
        wait_s = until_s - (now_s if their_now_s is None else their_now_s)
    elif found := _RATE_LIMIT.search(headers.get("ratelimit", "")):
        wait_s = float(found[1])
    return None if wait_s is None else min(max(wait_s, 0.0), _LONGEST_S)


def _date_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError, OSError):
        return None


class Patience:
    """The waits of one question: how often, how long, and when to give up.

    Args:
        max_wait_s: How long all waits together may be.
    """

    def __init__(self, max_wait_s: float) -> None:
        self._left_s = max_wait_s
        self._failures = 0

    def wait_s(self, asked_s: float | None = None) -> float | None:
        """Seconds to wait before the next attempt; None to give up.

        Args:
            asked_s: How long the server asks us to wait, if it says.
        """
        wait_s = max(_FIRST_WAIT_S * float(2**self._failures), asked_s or 0.0)
        self._failures += 1
        if self._failures >= MAX_ATTEMPTS or wait_s > self._left_s:
            return None
        self._left_s -= wait_s
        return wait_s
