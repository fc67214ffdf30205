"""Hand pieces from the thread that reads them to the threads that follow, without copying."""

import threading
from collections.abc import Iterator

_BUFFERS = 3


class Relay:
    """A ring of buffers with one writer and a few readers, all in file order.

    Args:
        buffer_bytes: Length of the longest piece.
        readers: How many threads must have seen a piece before its buffer is used again.
    """

    def __init__(self, buffer_bytes: int, *, readers: int) -> None:
        self._buffer_bytes = buffer_bytes
        self._ring: list[memoryview] = []
        self._pieces: list[memoryview] = [memoryview(b"")] * _BUFFERS
        self._changed = threading.Condition()
        self._shared = 0
        self._seen = [0] * readers
        self._closed = False

    def buffer(self) -> memoryview | None:
        """The buffer for the next piece, once every reader is done with it; None when closed."""
        with self._changed:
            while min(self._seen) <= self._shared - _BUFFERS:
                if self._closed:
                    return None
                self._changed.wait()
            if len(self._ring) <= self._shared < _BUFFERS:
                self._ring.append(memoryview(bytearray(self._buffer_bytes)))
            return self._ring[self._shared % _BUFFERS]

    def share(self, piece: memoryview) -> None:
        """Let the readers have it."""
        with self._changed:
            self._pieces[self._shared % _BUFFERS] = piece
            self._shared += 1
            self._changed.notify_all()

    def listen(self, reader: int) -> Iterator[memoryview]:
        """Every piece in order, until the relay is closed; each is valid until the next."""
        for number in range(1 << 62):
            with self._changed:
                self._seen[reader] = number
                self._changed.notify_all()
                while self._shared <= number:
                    if self._closed:
                        return
                    self._changed.wait()
                piece = self._pieces[number % _BUFFERS]
            yield piece

    def close(self) -> None:
        """There will be no more pieces."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
