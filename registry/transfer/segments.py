"""Which bytes each connection asks for: decisions without I/O.

The file is handed out in order, in spans that shrink towards its end, so that the hashes, which
follow file order, are never far behind. A connection that is alone takes everything. One that
finds nothing left takes over a part of what the slowest still has to fetch. Not thread-safe: the
caller holds a lock.
"""

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from registry.domain.pieces import PIECE_BYTES

MIB = 1024 * 1024
# The end of a stream whose length nobody tells.
ENDLESS = 1 << 62


@dataclass(slots=True, eq=False)
class Segment:
    """A stretch that one connection fetches.

    Attributes:
        at: The next byte to arrive.
        end: The byte behind the last; a thief may lower it at any time.
    """

    at: int
    end: int

    @property
    def left(self) -> int:
        """How many bytes are still to come."""
        return self.end - self.at


class Segments:
    """Hands out every missing byte exactly once.

    Args:
        gaps: What is missing, as (begin, end).
        shortest: No span is shorter unless the gap is; nothing shorter than twice this is split.
        longest: No span is longer while several connections work.
        align: Borders lie on multiples of this, so that few pieces have two writers.

    Example:
        >>> segments = Segments([(0, 100)], shortest=10, longest=40, align=1)
        >>> first = segments.take(hands=1)
        >>> first.at, first.end
        (0, 100)
        >>> second = segments.take(hands=2)
        >>> first.end, second.at, second.end
        (40, 40, 65)
    """

    def __init__(
        self,
        gaps: Iterable[tuple[int, int]],
        *,
        shortest: int = 8 * MIB,
        longest: int = 64 * MIB,
        align: int = PIECE_BYTES,
    ) -> None:
        self._gaps = sorted((begin, end) for begin, end in gaps if begin < end)
        self._taken: list[Segment] = []
        self._shortest = shortest
        self._longest = longest
        self._align = align

    @property
    def left_bytes(self) -> int:
        """How much has not arrived yet, taken or not."""
        waiting = sum(end - begin for begin, end in self._gaps)
        return waiting + sum(segment.left for segment in self._taken)

    @property
    def has_gaps(self) -> bool:
        """Whether something waits that nobody has taken."""
        return bool(self._gaps)

    @property
    def has_work(self) -> bool:
        """Whether one more connection would find something worth taking."""
        return bool(self._gaps) or self._longest_taken() is not None

    def take(self, *, hands: int) -> Segment | None:
        """The next stretch for one of `hands` connections, or None if nothing is worth taking."""
        if not self._gaps:
            self._split_the_longest()
        if not self._gaps:
            return None
        begin, end = self._gaps[0]
        stop = end if hands <= 1 else self._border(begin, begin + self._span(hands), end)
        self._gaps[:1] = [(stop, end)] if stop < end else []
        segment = Segment(begin, stop)
        self._taken.append(segment)
        return segment

    def advance(self, segment: Segment, count: int) -> int:
        """Note that `count` bytes arrived; returns how many of them were still the segment's."""
        counted = min(count, segment.left)
        segment.at += counted
        return counted

    def extend(self, segment: Segment, *, limit: int, hands: int) -> bool:
        """Let a finished segment run on into the free bytes behind it, as far as `limit`.

        Its connection brings them anyway, so no new request is needed.
        """
        for index, (begin, end) in enumerate(self._gaps):
            if begin == segment.end and begin < limit:
                wanted = end if hands <= 1 else self._border(begin, begin + self._span(hands), end)
                stop = min(wanted, limit)
                self._gaps[index : index + 1] = [(stop, end)] if stop < end else []
                segment.end = stop
                return True
        return False

    def drop(self, segment: Segment) -> None:
        """The segment's connection stops here; what it did not bring waits again."""
        self._taken.remove(segment)
        self.reopen(segment.at, segment.end)

    def reopen(self, begin: int, end: int) -> None:
        """These bytes must be fetched (again)."""
        if begin >= end:
            return
        index = bisect.bisect(self._gaps, (begin, end))
        self._gaps.insert(index, (begin, end))
        joined: list[tuple[int, int]] = []
        for low, high in self._gaps:
            if joined and joined[-1][1] == low:
                joined[-1] = (joined[-1][0], high)
            else:
                joined.append((low, high))
        self._gaps = joined

    def _span(self, hands: int) -> int:
        share = self.left_bytes // (2 * hands)
        return max(self._shortest, min(self._longest, share))

    def _border(self, begin: int, wished: int, end: int) -> int:
        border = -(-wished // self._align) * self._align
        return end if border <= begin or end - border < self._shortest // 2 else min(border, end)

    def _longest_taken(self) -> Segment | None:
        """The segment with the most to come, if it is long enough to be split."""
        longest = max(self._taken, key=lambda segment: segment.left, default=None)
        if longest is None or longest.end == ENDLESS or longest.left < 2 * self._shortest:
            return None
        return longest

    def _split_the_longest(self) -> None:
        victim = self._longest_taken()
        if victim is None:
            return
        keep = min(victim.left // 2, self._longest)
        border = self._border(victim.at, victim.at + keep, victim.end)
        if border < victim.end:
            rest = (border, victim.end)
            victim.end = border
            self.reopen(*rest)


def missing(size_bytes: int, there: Iterable[int], piece_bytes: int) -> list[tuple[int, int]]:
    """The stretches of a file that pieces with these indices do not cover.

    Example:
        >>> missing(10, [1], 4)
        [(0, 4), (8, 10)]
    """
    gaps: list[tuple[int, int]] = []
    at = 0
    for index in sorted(set(there)):
        begin = index * piece_bytes
        if at < min(begin, size_bytes):
            gaps.append((at, min(begin, size_bytes)))
        at = max(at, begin + piece_bytes)
    if at < size_bytes:
        gaps.append((at, size_bytes))
    return gaps
