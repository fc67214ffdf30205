"""A few page-aligned buffers of one piece each, lent out and given back."""

import mmap
import threading

from registry.domain.pieces import PIECE_BYTES


class Buffers:
    """Lends out at most so many buffers; who wants one more waits.

    They begin on a page, as writes past the page cache ask for.

    Args:
        count: How many there are at most; each is made when it is first needed.
        size_bytes: Length of each.
    """

    def __init__(self, count: int, size_bytes: int = PIECE_BYTES) -> None:
        self._size_bytes = size_bytes
        self._free: list[memoryview] = []
        self._unmade = count
        self._changed = threading.Condition()
        self._closed = False

    def take(self) -> memoryview | None:
        """A buffer, once there is one; None when closed."""
        with self._changed:
            while not (self._free or self._unmade or self._closed):
                self._changed.wait()
            if self._closed:
                return None
            if self._free:
                return self._free.pop()
            self._unmade -= 1
        return memoryview(mmap.mmap(-1, self._size_bytes))

    def give_back(self, buffer: memoryview) -> None:
        """The buffer is free again."""
        with self._changed:
            self._free.append(buffer)
            self._changed.notify()

    def close(self) -> None:
        """Send everybody home who waits here."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
