"""How long to wait before the next attempt, or whether to stop: decisions without I/O."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# What a server may ask for at most; more is nonsense and reported as this.
LONGEST_TOLD_S = 24 * 3600.0
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


@dataclass(frozen=True, slots=True)
class Patience:
    """How much we put up with.

    Attributes:
        attempts: Losses in a row, without a byte between them, after which we stop.
        first_wait_s: Pause after the first loss.
        longest_wait_s: No pause is longer.
    """

    attempts: int
    first_wait_s: float
    longest_wait_s: float


def wait_after_loss(patience: Patience, losses: int, *, jitter: float) -> float | None:
    """Seconds to wait after the `losses`-th loss in a row, or None to stop.

    `jitter` is a random number from 0 to 1, so that many clients do not come back together.

    Example:
        >>> calm = Patience(attempts=3, first_wait_s=1.0, longest_wait_s=10.0)
        >>> [wait_after_loss(calm, n, jitter=1.0) for n in (1, 2, 3)]
        [1.0, 2.0, None]
    """
    if losses >= patience.attempts:
        return None
    full: float = min(patience.longest_wait_s, patience.first_wait_s * 2.0 ** min(losses - 1, 32))
    return full * (0.5 + jitter / 2)


def wait_as_told(
    told_s: float | None, patience: Patience, times: int, *, jitter: float
) -> float | None:
    """Seconds to wait when a server asks for the `times`-th time to slow down; None to stop.

    We stop when it was asked too often, or when the server wants more than we wait here.
    """
    if times > patience.attempts:
        return None
    if told_s is None:
        told_s = patience.first_wait_s * 2.0 ** min(times - 1, 32)
        told_s = min(told_s, patience.longest_wait_s)
    if told_s > patience.longest_wait_s:
        return None
    return told_s + jitter * min(1.0, max(patience.first_wait_s, told_s / 10))


def told_wait(retry_after: str | None, *, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date, never negative, at most a day.

    `now` is the clock that a date is held against: the server's own, where it tells that.

    Example:
        >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        >>> told_wait("Thu, 01 Jan 2026 12:00:30 GMT", now=noon), told_wait("9" * 30, now=noon)
        (30.0, 86400.0)
        >>> told_wait("Fri, 01 Jan 2016 12:00:30 GMT", now=noon), told_wait("soon", now=noon)
        (0.0, None)
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_TOLD_S)
    at = answered_at(text)
    return None if at is None else min(max((at - now).total_seconds(), 0.0), LONGEST_TOLD_S)


def answered_at(date: str | None) -> datetime | None:
    """Read an HTTP date; None if there is none that can be read.

    A server's own clock is what its other dates are held against: ours may be wrong.
    """
    try:
        at = parsedate_to_datetime((date or "").strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
