"""How fast, and with how many connections."""

import threading
import time
from collections.abc import Callable

_SMALLEST_GULP, _LARGEST_GULP = 4 * 1024, 4 * 1024 * 1024
# A connection that brings this much is limited by the machine, not by the line.
_SWIFT_BYTES_PER_S = 100_000_000
_WORTH_IT = 1.15
_STEP = 4


class Pace:
    """A limit that all connections of all files share.

    Args:
        rate_bytes_per_s: None is no limit.
    """

    def __init__(self, rate_bytes_per_s: int | None) -> None:
        self._rate = rate_bytes_per_s
        self._lock = threading.Lock()
        self._free_at = 0.0

    @property
    def gulp_bytes(self) -> int:
        """How much to read at once, so that the line stays smooth."""
        if self._rate is None:
            return _LARGEST_GULP
        return max(_SMALLEST_GULP, min(_LARGEST_GULP, self._rate // 8))

    def spend(self, count: int, pause: Callable[[float], object]) -> None:
        """Wait until `count` bytes that just came fit under the limit."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self._rate
            wait_s = self._free_at - now
        pause(wait_s)


class Ramp:
    """Adds connections while that makes the whole faster: a decision without I/O.

    One measurement decides nothing: a line that has just begun is slow, and so is a machine that
    was busy with something else.

    Example:
        >>> ramp = Ramp(limit=8)
        >>> rates = ((30e6, 1), (40e6, 1), (100e6, 4), (160e6, 4), (160e6, 8), (160e6, 8))
        >>> [ramp.consider(rate, hands) for rate, hands in rates]
        [1, 4, 4, 8, 8, 8]
        >>> swift = Ramp(limit=8)
        >>> [swift.consider(rate, 1) for rate in (80e6, 900e6, 90e6, 900e6)]
        [1, 1, 1, 1]
    """

    def __init__(self, limit: int) -> None:
        self.wanted = min(1, limit)
        self._limit = limit
        self._best = 0.0
        self._before: float | None = None

    def consider(self, rate_bytes_per_s: float, hands: int) -> int:
        """How many connections we want, now that `hands` of them reached this rate together."""
        if hands < self.wanted:
            self._before = None
            return self.wanted
        before, self._before = self._before, rate_bytes_per_s
        if before is None or max(before, rate_bytes_per_s) > _SWIFT_BYTES_PER_S * hands:
            return self.wanted
        rate = max(before, rate_bytes_per_s)
        if rate > self._best * _WORTH_IT and self.wanted < self._limit:
            self._best = rate
            self._before = None
            self.wanted = min(self._limit, self.wanted * _STEP)
        return self.wanted

    def back_off(self) -> None:
        """A server had enough of us: one connection less, and no more from now on."""
        self._limit = max(1, min(self.wanted, self._limit) - 1)
        self.wanted = min(self.wanted, self._limit)
