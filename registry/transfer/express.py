"""The express way of whole pieces: from the line into memory, from there to disk and hashes.

A connection that works alone brings the pieces in file order, faster than anything else here. They
are written past the page cache, which saves a copy of every byte and makes the last sync short, and
are hashed from the memory that they arrived in. Where pieces come out of order, or the file system
or its disk is not made for that, the ordinary way is taken: write, and read back from the cache.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial

from registry.domain.pieces import PIECE_BYTES
from registry.transfer.buffers import Buffers
from registry.transfer.coverage import Coverage, Parcel
from registry.transfer.partial import Part

_BUFFERS = 6
# So many pieces in a row that waited this long for memory: the disk is slower than the line.
_SLOW_S, _SLOW_PIECES = 0.02, 16


@dataclass(frozen=True, slots=True)
class _Full:
    begin: int
    piece: memoryview
    buffer: memoryview


class Express:
    """Takes whole pieces from one connection and writes them in a thread of its own.

    Args:
        part: Where they go.
        coverage: Learns what was written, and keeps it in memory for the hashes.
    """

    def __init__(self, part: Part, coverage: Coverage) -> None:
        self._part = part
        self._coverage = coverage
        self._buffers = Buffers(_BUFFERS)
        self._full: deque[_Full] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._waited_often = 0
        self._past_cache = True

    def accepts(self, begin: int, end: int) -> bool:
        """Whether the piece that begins at `begin` may travel here; `end` is its connection's."""
        index, inside = divmod(begin, PIECE_BYTES)
        size = self._coverage.size_bytes
        return (
            inside == 0
            and size is not None
            and end >= min(begin + PIECE_BYTES, size)
            and index - self._coverage.in_order <= _BUFFERS
        )

    def buffer(self) -> memoryview | None:
        """Memory for the next piece; None when we stop."""
        begun = time.monotonic()
        buffer = self._buffers.take()
        waited_s = time.monotonic() - begun
        self._waited_often = self._waited_often + 1 if waited_s > _SLOW_S else 0
        if self._waited_often > _SLOW_PIECES:
            self._past_cache = False
        return buffer

    def send(self, begin: int, piece: memoryview, buffer: memoryview) -> None:
        """Let a whole piece, which fills the first part of its buffer, be written and hashed."""
        with self._changed:
            self._full.append(_Full(begin, piece, buffer))
            self._changed.notify()

    def give_back(self, buffer: memoryview) -> None:
        """A piece did not become whole; its connection wrote what there was."""
        self._buffers.give_back(buffer)

    def run(self) -> None:
        """Write what is sent, until we stop and all of it is written.

        Raises:
            StoreError: The disk refused.
        """
        while (full := self._next()) is not None:
            self._part.write(full.begin, full.piece, past_cache=self._past_cache)
            release = partial(self._buffers.give_back, full.buffer)
            self._coverage.arrive(full.begin, len(full.piece), Parcel(full.piece, release))

    def close(self) -> None:
        """Send everybody home."""
        self._buffers.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> _Full | None:
        with self._changed:
            while not (self._full or self._closed):
                self._changed.wait()
            # What arrived whole is written even when we stop: the next run need not fetch it again.
            return self._full.popleft() if self._full else None
