"""Read no faster than somebody wants, so that whoever works beside an audit hardly feels it."""

from collections.abc import Callable
from dataclasses import dataclass, field

_LONGEST_DEBT_S = 1.0


@dataclass(slots=True)
class Pace:
    """A rate that holds over the whole of a run, not only between two reads.

    Attributes:
        bytes_per_s: The limit.
        clock_s: Seconds on a clock that nobody sets.
        rest: Waits for so many seconds.
    """

    bytes_per_s: int
    clock_s: Callable[[], float]
    rest: Callable[[float], object]
    _due_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._due_s = self.clock_s()

    def spend(self, count: int) -> None:
        """Wait until `count` bytes that were just read fit under the limit."""
        now_s = self.clock_s()
        # Who was held up for long (a busy machine, a laptop that slept) does not make up for it.
        self._due_s = max(self._due_s, now_s - _LONGEST_DEBT_S) + count / self.bytes_per_s
        if self._due_s > now_s:
            self.rest(self._due_s - now_s)
