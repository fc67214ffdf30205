"""What an audit looks at, in which order, and when it has had enough. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

_SUBSET = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Subset:
    """The `part`-th of `of` parts of everything, counted from one; by hash, so it stays the same.

    Example:
        >>> Subset.parse("3/30").holds("02" + "0" * 62), Subset.parse("1/2").holds("ff" * 32)
        (True, False)
        >>> sum(Subset(part, 7).holds("ab" * 32) for part in range(1, 8))
        1
    """

    part: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.of:
            raise ValueError(f"{self.part} is none of {self.of} parts")

    @classmethod
    def parse(cls, text: str) -> "Subset":
        """Read ``3/30``.

        Raises:
            ValueError: It is no part of anything.
        """
        found = _SUBSET.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no part such as 3/30")
        return cls(int(found[1]), int(found[2]))

    def holds(self, sha256: str) -> bool:
        """Whether a file belongs to this part."""
        return int(sha256, 16) % self.of == self.part - 1


@dataclass(frozen=True, slots=True)
class Budget:
    """When to begin no further file. A file that was begun is read to its end.

    Attributes:
        time_limit: From the beginning of the run.
        max_bytes: Read at most; a file that is larger alone is read if it comes first.
    """

    time_limit: timedelta | None = None
    max_bytes: int | None = None

    def allows(self, *, elapsed_s: float, read_bytes: int, next_bytes: int) -> bool:
        """Whether a file of `next_bytes` may be begun now.

        Example:
            >>> budget = Budget(max_bytes=100)
            >>> budget.allows(elapsed_s=0, read_bytes=60, next_bytes=40)
            True
            >>> budget.allows(elapsed_s=0, read_bytes=61, next_bytes=40)
            False
        """
        if self.time_limit is not None and elapsed_s >= self.time_limit.total_seconds():
            return False
        return (
            self.max_bytes is None or read_bytes == 0 or read_bytes + next_bytes <= self.max_bytes
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored file that could be looked at.

    Attributes:
        is_bad: Something was found about it, and nobody has mended it.
        checked_at: When it was last looked at, whatever was found.
        verified_at: When it was last found right.
    """

    sha256: str
    is_bad: bool
    checked_at: datetime | None
    verified_at: datetime | None

    def is_due(self, now: datetime, every: timedelta) -> bool:
        """Whether it was not found right for so long. A moment to come counts as never."""
        told = self.verified_at
        return self.is_bad or told is None or told > now or now - told >= every


def in_order(
    candidates: Iterable[Candidate], *, now: datetime, round_began_at: datetime | None
) -> tuple[Candidate, ...]:
    """Known-bad first, then what was not looked at for the longest time.

    What is bad and was looked at in this round already comes last: else a small budget would be
    spent on the same files every time.

    Args:
        candidates: Those to be looked at.
        now: A moment after it counts as never: the clock was wrong then, or is.
        round_began_at: When everything had been looked at for the last time; None if never. After
            `now` it says nothing: then bad ones have their turn like all others.
    """

    def key(each: Candidate) -> tuple[int, str, str]:
        looked_at = each.checked_at
        if looked_at is not None and looked_at > now:
            looked_at = None
        moment = looked_at.isoformat() if looked_at is not None else ""
        if not each.is_bad or (round_began_at is not None and round_began_at > now):
            return 1, moment, each.sha256
        is_new = looked_at is None or round_began_at is None or looked_at <= round_began_at
        return (0 if is_new else 2), moment, each.sha256

    return tuple(sorted(candidates, key=key))
